import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { filesBelow, ROOT, readSource } from './source-files.js';

/** Pages that people read: no longer than they bear, in width and in length. */
const COLUMNS_MAX = 120;
const README_LINES_MAX = 250;
const NOT_OURS = new Set(['node_modules', '.git', 'dist', '.build', 'data', 'coverage']);
const pages = filesBelow(...readdirSync(ROOT).filter((name) => !NOT_OURS.has(name))).filter((file) =>
  file.endsWith('.md'),
);

describe('Markdown', () => {
  it('is there to be looked at', () => {
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/testing.md', 'sample-app/README.md']));
  });

  it(`has no line of more than ${COLUMNS_MAX} characters`, () => {
    const wide = pages.flatMap((page) => wideLines(readSource(page)).map((line) => `${page}:${line}`));
    expect(wide).toEqual([]);
  });

  it(`begins with a README of at most ${README_LINES_MAX} lines`, () => {
    expect(readSource('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(README_LINES_MAX);
  });
});

describe('The check above', () => {
  it('counts characters, not bytes', () => {
    expect(wideLines(`${'─'.repeat(COLUMNS_MAX)}\n${'a'.repeat(COLUMNS_MAX + 1)}\n`)).toEqual([2]);
  });
});

/** Numbers of the lines that are too long. */
function wideLines(markdown: string): number[] {
  return markdown.split('\n').flatMap((line, i) => ([...line].length > COLUMNS_MAX ? [i + 1] : []));
}
