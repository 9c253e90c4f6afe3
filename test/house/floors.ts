/**
 * Who may import whom, for the tests of this folder. biome.json says the same as lint rules; floors.spec.ts holds the two
 * together, and code-base.spec.ts holds the code to this table, in the few import forms that the linter does not see as well.
 */
export interface Floor {
  /** The folder, from the root of the repository. */
  readonly folder: string;
  /** Floors it may import, itself included where it has more than one file. */
  readonly floors: readonly FloorName[];
  /** Packages it may import; `node:` stands for all of Node's own modules. */
  readonly packages: readonly string[];
}

export type FloorName =
  | 'door'
  | 'kernel'
  | 'engine'
  | 'runtime'
  | 'sqlite'
  | 'rethinkdb'
  | 'memory'
  | 'nest'
  | 'testing';

export const FLOORS: Readonly<Record<FloorName, Floor>> = {
  kernel: { folder: 'lib/kernel', floors: ['kernel'], packages: [] },
  engine: { folder: 'lib/engine', floors: ['kernel', 'engine'], packages: ['node:'] },
  runtime: {
    folder: 'lib/runtime',
    floors: ['kernel', 'engine', 'runtime'],
    packages: ['node:', 'rxjs', '@opentelemetry/api'],
  },
  sqlite: {
    folder: 'lib/engines/sqlite',
    floors: ['kernel', 'engine', 'sqlite'],
    packages: ['node:', 'better-sqlite3'],
  },
  rethinkdb: {
    folder: 'lib/engines/rethinkdb',
    floors: ['kernel', 'engine', 'rethinkdb'],
    packages: ['node:', 'rethinkdb'],
  },
  memory: { folder: 'lib/engines/memory', floors: ['kernel', 'engine', 'memory'], packages: ['node:'] },
  nest: {
    folder: 'lib/nest',
    floors: ['kernel', 'engine', 'runtime', 'sqlite', 'memory', 'nest'],
    packages: ['node:', 'rxjs', 'reflect-metadata', '@nestjs/common', '@nestjs/core'],
  },
  testing: {
    folder: 'lib/testing',
    floors: ['kernel', 'engine', 'runtime', 'memory', 'testing'],
    packages: ['node:', 'rxjs'],
  },
  // The main door, lib/index.ts. It leads to no engine and not to testing: nobody loads a driver that is not used.
  door: { folder: 'lib', floors: ['kernel', 'engine', 'runtime', 'nest'], packages: [] },
};

/** The floor a file of lib/ stands on. */
export function floorOf(file: string): FloorName | undefined {
  const names = Object.keys(FLOORS) as FloorName[];
  return names.find((name) => name !== 'door' && file.startsWith(`${FLOORS[name].folder}/`)) ?? doorOf(file);
}

/** Whether a file may import a package; `specifier` as it is written in the import. */
export function mayImportPackage(floor: FloorName, specifier: string): boolean {
  return FLOORS[floor].packages.some((name) => (name.endsWith(':') ? specifier.startsWith(name) : specifier === name));
}

function doorOf(file: string): FloorName | undefined {
  return /^lib\/[^/]+$/.test(file) ? 'door' : undefined;
}
