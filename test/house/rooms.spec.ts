import { spawnSync } from 'node:child_process';
import { join, posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { importsOf, namesFrom, onlyReexports } from './imports.js';
import { isOneFloor, ROOM_FLOORS, ROOMS } from './rooms.js';
import { filesBelow, ROOT, readSource } from './source-files.js';

/** Most files of one room, without its door. */
const FILES_MAX = 14;

const DOOR = 'index.ts';

interface Import {
  readonly file: string;
  readonly target: string;
}

const manifest = JSON.parse(readSource('package.json')) as { exports: Record<string, { types?: string }> };
/** Doors of the package. What they export is for its users. */
const ENTRY_POINTS = new Set(
  Object.values(manifest.exports).map(({ types = '' }) => types.replace('./dist/', 'lib/').replace('.d.ts', '.ts')),
);
const files = filesBelow('lib').filter((file) => file.endsWith('.ts'));
const imports = files.flatMap((file) => importsIn(file, readSource(file)));

describe('The rooms of lib', () => {
  it('are all in the table, and every file is in one, but for the main door', () => {
    expect(files.filter((file) => !ROOMS.has(roomOf(file)))).toEqual(['lib/index.ts']);
    const empty = [...ROOMS.keys()].filter((room) => !files.some((file) => roomOf(file) === room));
    expect(empty).toEqual([]);
  });

  it(`have at most ${FILES_MAX} files`, () => {
    const counts = [...ROOMS.keys()].map((room) => ({
      room,
      files: files.filter((file) => roomOf(file) === room && !isDoor(file)).length,
    }));
    expect(counts.filter((each) => each.files > FILES_MAX)).toEqual([]);
  });

  it('may import only rooms that stand below them, so that there is no circle of rooms', () => {
    const upward = ROOM_FLOORS.flatMap(({ rooms }) =>
      rooms.flatMap(({ room, imports }, i) =>
        imports.filter((to) => !rooms.slice(0, i).some((below) => below.room === to)).map((to) => `${room} -> ${to}`),
      ),
    );
    expect(upward).toEqual([]);
  });

  it('import the rooms of the table and no others, each through its `index.ts`, types included', () => {
    expect(imports.length).toBeGreaterThan(1_000);
    expect(imports.filter((each) => !isAllowed(each)).map(shown)).toEqual([]);
  });

  it('need every arrow that the table has', () => {
    const arrows = [...ROOMS.values()].flatMap(({ room, imports: all }) => all.map((to) => `${room} -> ${to}`));
    const drawn = new Set(imports.map(({ file, target }) => `${roomOf(file)} -> ${roomOf(target)}`));
    expect(arrows.filter((arrow) => !drawn.has(arrow))).toEqual([]);
  });

  it('have doors that only export, and nothing that no other room imports', () => {
    const doors = files.filter(isDoor);
    expect(doors.length).toBeGreaterThan(30);
    expect(doors.filter((door) => !onlyReexports(readSource(door)))).toEqual([]);
    const used = new Set(files.flatMap(namesFromDoors));
    const exported = doors
      .filter((door) => !ENTRY_POINTS.has(door))
      .flatMap((door) => namesFrom(readSource(door)).flatMap(({ names }) => names.map((name) => `${door}: ${name}`)));
    expect(exported.filter((name) => !used.has(name))).toEqual([]);
  });

  it('have no circle of files, types included', () => {
    expect(circleIn(imports)).toBeUndefined();
  });

  it('are drawn in docs/architecture.md as the table has them', () => {
    const script = join(ROOT, 'scripts/architecture.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

describe('The checks above', () => {
  it.each([
    ['lib/runtime/turn/turn.ts', '../hosting/index.js'],
    ['lib/runtime/hosting/activation.ts', '../projecting/index.js'],
    ['lib/kernel/values/errors.ts', '../declaring/index.js'],
    ['lib/runtime/turn/turn.ts', '../commit/commit.js'],
    ['lib/runtime/turn/turn.ts', './index.js'],
  ])('refuse what %s would import from %s', (file, specifier) => {
    const [type] = importsIn(file, `import type { X } from '${specifier}';`);
    expect(type && isAllowed(type)).toBe(false);
  });

  it('allow a file of the same room, and the door of one below', () => {
    const source = `import './turn-loop.js';\nexport type { Commit } from '../commit/index.js';`;
    expect(importsIn('lib/runtime/turn/turn.ts', source).every(isAllowed)).toBe(true);
  });

  it('find a circle, and none where there is none', () => {
    const a = { file: 'a', target: 'b' };
    const b = { file: 'b', target: 'c' };
    expect(circleIn([a, b])).toBeUndefined();
    expect(circleIn([a, b, { file: 'c', target: 'a' }])).toEqual(['a', 'b', 'c']);
  });
});

function importsIn(file: string, source: string): Import[] {
  const relative = importsOf(source).filter((specifier) => specifier.startsWith('.'));
  return relative.map((specifier) => ({ file, target: targetOf(file, specifier) }));
}

/** Between floors only the doors count: floors.ts says the rest. */
function isAllowed({ file, target }: Import): boolean {
  const [from, to] = [roomOf(file), roomOf(target)];
  if (from === to) return !isDoor(target);
  if (!ROOMS.has(to) || !isDoor(target)) return false;
  return !isOneFloor(from, to) || (ROOMS.get(from)?.imports.includes(to) ?? false);
}

function isDoor(file: string): boolean {
  return posix.basename(file) === DOOR;
}

/** What a file imports or exports from the doors of other rooms, as `door: name`. */
function namesFromDoors(file: string): string[] {
  return namesFrom(readSource(file)).flatMap(({ specifier, names }) => {
    const target = targetOf(file, specifier);
    return isDoor(target) ? names.map((name) => `${target}: ${name}`) : [];
  });
}

function targetOf(file: string, specifier: string): string {
  return posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts');
}

function roomOf(file: string): string {
  return posix.dirname(file).replace(/^lib\//, '');
}

function shown({ file, target }: Import): string {
  return `${file} -> ${target}`;
}

/** The files of a circle, if there is one. */
function circleIn(all: readonly Import[]): string[] | undefined {
  const targets = new Map<string, string[]>();
  for (const { file, target } of all) targets.set(file, [...(targets.get(file) ?? []), target]);
  const free = new Set<string>();
  const find = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return path.slice(path.indexOf(file));
    if (free.has(file)) return undefined;
    for (const target of targets.get(file) ?? []) {
      const circle = find(target, [...path, file]);
      if (circle) return circle;
    }
    free.add(file);
    return undefined;
  };
  for (const file of targets.keys()) {
    const circle = find(file, []);
    if (circle) return circle;
  }
  return undefined;
}
