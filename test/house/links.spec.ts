import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { filesBelow, ROOT, readSource } from './source-files.js';

/**
 * Pages that are published with the package are read where nothing else of the repository is: what they link to has to be published too. Files that are only in the
 * repository are named as such, without a link.
 */
const { files } = JSON.parse(readSource('package.json')) as { files: string[] };
const published = [...files, 'LICENSE', 'package.json'];
const pages = filesBelow(...files.filter((each) => each !== 'dist')).filter((file) => file.endsWith('.md'));

describe('Links of pages that are published', () => {
  it('are there', () => {
    expect(pages.flatMap((page) => linksOf(readSource(page))).length).toBeGreaterThan(5);
  });

  it('lead to what is published, at a heading that is there', () => {
    const dead = pages.flatMap((page) =>
      linksOf(readSource(page))
        .filter((link) => !leadsSomewhere(page, link))
        .map((link) => `${page}: ${link}`),
    );
    expect(dead).toEqual([]);
  });
});

describe('The check above', () => {
  it.each([
    '../lib/index.ts',
    'nowhere.md',
    'telemetry.md#nowhere',
    '../test/house/links.spec.ts',
    '/docs/telemetry.md',
  ])('finds the dead link %s', (link) => expect(leadsSomewhere('docs/listening.md', link)).toBe(false));

  it.each(['telemetry.md', 'listening.md#health', '#health', '../README.md#an-actor', 'decisions/', '../LICENSE'])(
    'finds nothing wrong with %s',
    (link) => expect(leadsSomewhere('docs/listening.md', link)).toBe(true),
  );

  it('takes no code for a link', () => {
    const markdown = [
      '[a](b.md) and `[c](d.md)`, but [`g`](h.md) `i`',
      '```ts',
      'handlers[name](event);',
      '```',
      '[e](https://f.g)',
    ];
    expect(linksOf(markdown.join('\n'))).toEqual(['b.md', 'h.md']);
  });
});

/** Where a page's links lead, but those to other sites. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```.*?^```/gms, '').replaceAll(/`[^`\n]*`/g, 'code');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link as string)
    .filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', heading] = link.split('#');
  if (path.startsWith('/')) return false;
  const file = path === '' ? page : posix.join(posix.dirname(page), path);
  const isPublished = published.some((each) => file === each || file.startsWith(`${each}/`));
  if (!isPublished || !existsSync(join(ROOT, file))) return false;
  return heading === undefined || headingsOf(readSource(file)).includes(heading);
}

/** Headings as links name them. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );
}
