import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importsOf, parseTypeScript, type SyntaxNode, walk } from './imports.js';
import { ROOT, readSource } from './source-files.js';

/** What users see of the library: the type declarations that the entry points of package.json lead to. */
const manifest = JSON.parse(readSource('package.json')) as { exports: Record<string, { types?: string }> };
const doors = Object.values(manifest.exports).flatMap(({ types }) => (types ? [types.replace('./dist/', '')] : []));

describe('The public types', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'public-types-'));
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const flags = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', folder];
    // Its errors are for the type check to tell: declarations are written all the same.
    spawnSync(process.execPath, [tsc, ...flags], { cwd: ROOT });
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("contain no 'any'", () => {
    const files = reachable(doors.map((door) => join(folder, door)));
    expect(files.length).toBeGreaterThan(doors.length);
    expect(
      files.filter((file) => anysIn(readFileSync(file, 'utf8')) > 0).map((file) => relative(folder, file)),
    ).toEqual([]);
  });

  it.each(doors)('of %s are all documented', (door) => {
    const exported = exportsOf(join(folder, door));
    expect(exported.length).toBeGreaterThan(0);
    expect(
      exported.filter(({ name, file }) => !isDocumented(name, readFileSync(file, 'utf8'))).map(({ name }) => name),
    ).toEqual([]);
  });
});

describe('The checks above', () => {
  it("tell the type 'any' from a name, a comment and a text", () => {
    expect(anysIn('export declare const a: (...args: any[]) => unknown;')).toBe(1);
    expect(
      anysIn("/** any */\nexport declare const any: 'any';\nexport declare function f(any: string): unknown;"),
    ).toBe(0);
  });

  it('tell a documented export from one that is not', () => {
    const source =
      '/** Adds. */\nexport declare function add(a: number): number;\nexport declare abstract class Sum<A> {\n}\n';
    expect(isDocumented('add', source)).toBe(true);
    expect(isDocumented('Sum', source)).toBe(false);
    expect(isDocumented('ad', source)).toBe(false);
  });
});

/** The declaration files that these lead to, themselves included, inside the package. */
function reachable(files: readonly string[]): string[] {
  const seen = new Set(files);
  for (const file of seen) {
    const inside = importsOf(readFileSync(file, 'utf8')).filter((specifier) => specifier.startsWith('.'));
    for (const specifier of inside) seen.add(declarationOf(file, specifier));
  }
  return [...seen];
}

function anysIn(source: string): number {
  let count = 0;
  walk(parseTypeScript(source), ({ type, kind }) => {
    if (type === 'TsKeywordType' && kind === 'any') count += 1;
  });
  return count;
}

interface Exported {
  readonly name: string;
  readonly file: string;
}

/** Names that a declaration file exports, each with its name and file where it is declared. */
function exportsOf(file: string): Exported[] {
  const { body } = parseTypeScript(readFileSync(file, 'utf8')) as { body: SyntaxNode[] };
  return body.flatMap((node) => {
    const source = (node.source as { value: string } | null | undefined)?.value;
    if (node.type === 'ExportAllDeclaration') return exportsOf(declarationOf(file, source!));
    if (node.type === 'ExportNamedDeclaration' && source !== undefined) {
      const names = (node.specifiers as { orig: { value: string } }[]).map(({ orig }) => orig.value);
      return names.flatMap((name) => declarationsOf(name, declarationOf(file, source)));
    }
    return node.type === 'ExportDeclaration' ? declaredNames(node).map((name) => ({ name, file })) : [];
  });
}

function declarationsOf(name: string, file: string): Exported[] {
  const found = exportsOf(file).filter((exported) => exported.name === name);
  if (found.length === 0) throw new Error(`${name} is not exported by ${file}`);
  return found;
}

function declaredNames({ declaration }: SyntaxNode): string[] {
  const { identifier, id, declarations } = declaration as SyntaxNode;
  if (Array.isArray(declarations)) return declarations.map((each: { id: { value: string } }) => each.id.value);
  return [((identifier ?? id) as { value: string }).value];
}

/** Whether one of the declarations of this name has a docstring right before it. */
function isDocumented(name: string, source: string): boolean {
  const declaration = new RegExp(
    `\\*/\\s*export (?:declare )?(?:abstract )?(?:class|interface|type|const|function|enum|let) ${name}(?![\\w$])`,
  );
  return declaration.test(source);
}

function declarationOf(file: string, specifier: string): string {
  return join(dirname(file), specifier.replace(/\.js$/, '.d.ts'));
}
