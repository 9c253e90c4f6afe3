import { posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { FLOORS, floorOf, mayImportPackage } from './floors.js';
import { COMPUTED, importsOf } from './imports.js';
import { filesBelow, readSource } from './source-files.js';

/** What the code itself must look like, beyond what the linter can say. */
const LINES_MAX = 280;
const library = filesBelow('lib');
const program = [...library, ...filesBelow('sample-app')];
const everything = [...program, ...filesBelow('test', 'bench', 'scripts', 'docs', 'README.md', '.ci')];
const typescript = (files: readonly string[]) => files.filter((file) => file.endsWith('.ts'));

describe('The code base', () => {
  it('is there to be looked at', () => {
    expect(typescript(library).length).toBeGreaterThan(10);
  });

  it('imports nothing upwards, in any form', () => {
    const upward = typescript(library).flatMap((file) => forbiddenImports(file, readSource(file)));
    expect(upward).toEqual([]);
  });

  it(`has no file of more than ${LINES_MAX} lines`, () => {
    const long = program.filter((file) => lineCount(readSource(file)) > LINES_MAX);
    expect(long).toEqual([]);
  });

  it('names files and folders in kebab-case', () => {
    const odd = everything.filter((file) => !file.split('/').every(isKebabCase));
    expect(odd).toEqual([]);
  });

  it('begins each file with what it is for: constants and helpers stand below the class or function', () => {
    const odd = typescript(library).filter(
      (file) => !file.endsWith('index.ts') && beginsWithDetails(readSource(file), posix.basename(file, '.ts')),
    );
    expect(odd).toEqual([]);
  });

  it('has nothing marked as left for later', () => {
    expect(everything.filter((file) => isLeftForLater(readSource(file)))).toEqual([]);
  });
});

describe('The checks above', () => {
  it('tell a constant that stands above the class from a file of constants', () => {
    expect(beginsWithDetails("import { a } from './a.js';\n\nconst A_MAX = 1;\n\nexport class B {}\n")).toBe(true);
    expect(beginsWithDetails('function help() {}\n\nexport function b() {}\n')).toBe(true);
    expect(beginsWithDetails('export class B {}\n\nconst A_MAX = 1;\n')).toBe(false);
    expect(beginsWithDetails('const A = 1;\nexport const B = A;\n')).toBe(false);
  });

  const forbidden = [
    ["import { Engine } from '../engine/engine.js';", 'lib/kernel/x.ts'],
    ["export type T = import('../engine/engine.js').Engine;", 'lib/kernel/x.ts'],
    ["export type T = typeof import('../engine/engine.js');", 'lib/kernel/x.ts'],
    ["import { a } from './../runtime/a.js';", 'lib/engine/x.ts'],
    ["import { a } from '../memory/a.js';", 'lib/engines/sqlite/x.ts'],
    ["import { a } from '../../../lib/runtime/a.js';", 'lib/engines/sqlite/x.ts'],
    ["import { a } from '../index.js';", 'lib/kernel/x.ts'],
    ["import { a } from '../../sample-app/a.js';", 'lib/nest/x.ts'],
    ["import { a } from 'omniscient-nest';", 'lib/nest/x.ts'],
    ["const { a } = require('rxjs');", 'lib/kernel/x.ts'],
    ["import a = require('rxjs');", 'lib/kernel/x.ts'],
    ['export const load = (name: string) => import(name);', 'lib/nest/x.ts'],
    ["export { a } from '../testing/a.js';", 'lib/index.ts'],
  ] as const;
  it.each(forbidden)('find the upward import in %s of %s', (source, file) => {
    expect(forbiddenImports(file, source)).toHaveLength(1);
  });

  const legal = [
    ["import { a } from '../kernel/a.js';\nimport { b } from './b.js';\nimport 'node:fs';", 'lib/engine/x.ts'],
    ["import { a } from '../suite.js';\nimport { b } from '../../engines/memory/index.js';", 'lib/testing/duties/x.ts'],
    ["export type { A } from './nest/a.js';", 'lib/index.ts'],
    ["// import { a } from '../nest/a.js';\nexport const text = `import('../nest/b.js')`;", 'lib/kernel/x.ts'],
  ] as const;
  it.each(legal)('find nothing in %s of %s', (source, file) => {
    expect(forbiddenImports(file, source)).toEqual([]);
  });

  it('know a long file, a badly named one, and one that is not finished', () => {
    expect(lineCount('line\n'.repeat(LINES_MAX))).toBe(LINES_MAX);
    expect(['commit-pipeline.ts', 'user.spec.ts', '.ci', 'README.md'].every(isKebabCase)).toBe(true);
    expect(['CommitPipeline.ts', 'commit_pipeline.ts', 'userSpec.ts'].some(isKebabCase)).toBe(false);
    expect(isLeftForLater(['// TO', 'DO: finish this'].join(''))).toBe(true);
  });
});

/** Imports of one file of lib/ that its floor does not allow, as `file -> module`. */
function forbiddenImports(file: string, source: string): string[] {
  const floor = floorOf(file);
  if (!floor) return [`${file} stands on no floor`];
  const forbidden = importsOf(source).filter((specifier) => {
    if (!specifier.startsWith('.')) return specifier === COMPUTED || !mayImportPackage(floor, specifier);
    const target = floorOf(posix.join(posix.dirname(file), specifier));
    return target === undefined || !FLOORS[floor].floors.includes(target);
  });
  return forbidden.map((specifier) => `${file} -> ${specifier}`);
}

function lineCount(source: string): number {
  return source.trimEnd().split('\n').length;
}

function isKebabCase(name: string): boolean {
  return name === 'README.md' || /^\.?[a-z0-9]+(?:[-.][a-z0-9]+)*$/.test(name);
}

function isLeftForLater(source: string): boolean {
  return /\b(?:TO[D]O|FIX[M]E)\b/.test(source);
}

/**
 * Whether a constant or a helper stands above everything that the file exports, though it exports a class or a function. A constant that names a method
 * has to stand above the class.
 */
function beginsWithDetails(source: string, name = ''): boolean {
  const [first = ''] =
    /^(?:export |abstract |async |const |function |class |interface |type )[^\n]*/m.exec(source) ?? [];
  const constant = /^(?:export )?const (\w+)/.exec(first)?.[1];
  if (constant === name.replaceAll('-', '_').toUpperCase() || source.includes(`  [${constant}](`)) return false;
  const isDetail = !first.startsWith('export ') || /^export const [A-Z_]+\b/.test(first);
  return isDetail && /^export (?:abstract |async )*(?:class|function)\b/m.test(source);
}
