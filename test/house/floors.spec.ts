import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FLOORS, type FloorName, mayImportPackage } from './floors.js';

/**
 * The linter is run once, with the repository's own configuration, over a temporary folder of files with one import each: every
 * floor importing every floor and every package. What it refuses must be exactly what the table of floors forbids.
 */
const root = resolve(import.meta.dirname, '../..');
const names = Object.keys(FLOORS) as FloorName[];
const packages = [
  'node:fs',
  'node:fs/promises',
  'rxjs',
  '@opentelemetry/api',
  'better-sqlite3',
  'reflect-metadata',
  '@nestjs/common',
  '@nestjs/core',
];
const outside = ['sample-app', 'test', 'bench'];

interface Case {
  readonly title: string;
  readonly file: string;
  readonly source: string;
  readonly legal: boolean;
}

const cases: Case[] = names.flatMap((from) => [
  ...names.map((to) => importing(from, to, pathBetween(from, folderOf(to)), FLOORS[from].floors.includes(to))),
  ...outside.map((to) => importing(from, to, pathBetween(from, to), false)),
  ...packages.map((name) => importing(from, name, name, mayImportPackage(from, name))),
]);

const nestInsides = importing('nest', 'the insides of Nest', '@nestjs/core/injector/module-ref', false);
const forms = [
  `import type { Part } from '../../engine/room/part.js';\nexport type Alias = Part;\n`,
  `export * from '../../engine/room/part.js';\n`,
  `export { part } from '../../engine/room/part.js';\n`,
  `import '../../engine/room/part.js';\n`,
  `export const part = () => import('../../engine/room/part.js');\n`,
].map((source, i) => ({
  title: source.trim().replaceAll('\n', ' '),
  file: `lib/kernel/room/form-${i}.ts`,
  source,
  legal: false,
}));

const chicken = `import { egg } from './egg.js';\nexport const chicken = (): unknown => egg;\n`;
const egg = `import { chicken } from './chicken.js';\nexport const egg = (): unknown => chicken;\n`;
const sampleApp = `import { kernel } from '../lib/kernel/kernel.js';\nexport const sample = kernel;\n`;
const floating = 'async function go(): Promise<void> {}\nexport function start(): void {\n  go();\n}\n';
const injected = `import { Service } from './service.js';
@Injectable()
export class Controller {
  constructor(@Inject() readonly service: Service) {}
}
function Injectable() {
  return (_: unknown) => undefined;
}
function Inject() {
  return (..._: unknown[]) => undefined;
}
`;

describe('The linter, with the configuration of this repository', () => {
  let folder: string;
  let refusals: Map<string, string[]>;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'floors-'));
    for (const file of ['biome.json', 'package.json']) copyFileSync(join(root, file), join(folder, file));
    for (const { file, source } of [...cases, ...forms, nestInsides]) write(file, source);
    write('lib/kernel/chicken.ts', chicken);
    write('lib/kernel/egg.ts', egg);
    write('sample-app/sample.ts', sampleApp);
    write('lib/runtime/floating.ts', floating);
    write('lib/nest/controller.ts', injected);
    refusals = lint(folder);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('refuses every import that goes upwards or brings a foreign package to a floor, and no other', () => {
    const rule = 'lint/style/noRestrictedImports';
    const refused = cases.filter(({ file }) => refusals.get(file)?.includes(rule)).map(({ title }) => title);
    expect(refused).toEqual(cases.filter(({ legal }) => !legal).map(({ title }) => title));
    expect(cases.filter(({ legal }) => legal).length).toBeGreaterThan(30);
    expect(refused.length).toBeGreaterThan(60);
  });

  it.each(forms)('refuses it in the form $title', ({ file }) => {
    expect(refusals.get(file)).toContain('lint/style/noRestrictedImports');
  });

  it('refuses the insides of Nest, which differ between versions', () => {
    expect(refusals.get(nestInsides.file)).toContain('lint/style/noRestrictedImports');
  });

  it('refuses a cycle', () => {
    expect(refusals.get('lib/kernel/chicken.ts')).toEqual(['lint/suspicious/noImportCycles']);
    expect(refusals.get('lib/kernel/egg.ts')).toEqual(['lint/suspicious/noImportCycles']);
  });

  it('refuses a sample app that reaches into lib', () => {
    expect(refusals.get('sample-app/sample.ts')).toEqual(['lint/style/noRestrictedImports']);
  });

  it('refuses a promise that nobody waits for', () => {
    expect(refusals.get('lib/runtime/floating.ts')).toEqual(['lint/nursery/noFloatingPromises']);
  });

  it('does not ask for a type import of a class that Nest injects, and does not choke on parameter decorators', () => {
    expect(refusals.get('lib/nest/controller.ts')).toBeUndefined();
  });

  function write(file: string, source: string): void {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), source);
  }
});

function importing(from: FloorName, to: string, specifier: string, legal: boolean): Case {
  const file = `${folderOf(from)}/${from}-imports-${to.replaceAll(/[^a-z]+/g, '-')}.ts`;
  return {
    title: `${from} imports ${to}`,
    file,
    source: `import { part } from '${specifier}';\nexport const own = part;\n`,
    legal,
  };
}

/** A room of a floor; the main door has none. */
function folderOf(floor: FloorName): string {
  return floor === 'door' ? FLOORS.door.folder : `${FLOORS[floor].folder}/room`;
}

function pathBetween(from: FloorName, folder: string): string {
  const path = relative(folderOf(from), `${folder}/part.js`);
  return path.startsWith('.') ? path : `./${path}`;
}

/** The rules each file broke. */
function lint(folder: string): Map<string, string[]> {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const flags = ['lint', '--vcs-enabled=false', '--reporter=json', '--max-diagnostics=none', '.'];
  const { stdout, stderr } = spawnSync(process.execPath, [biome, ...flags], { cwd: folder, encoding: 'utf8' });
  if (!stdout.startsWith('{')) throw new Error(`Biome gave no report: ${stderr}`);
  const report = JSON.parse(stdout) as { diagnostics: { category: string; location: { path: string } }[] };
  const refusals = new Map<string, string[]>();
  for (const { category, location } of report.diagnostics) {
    refusals.set(location.path, [...(refusals.get(location.path) ?? []), category]);
  }
  return refusals;
}
