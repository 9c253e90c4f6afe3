import { describe, expect, it } from '@jest/globals';
import * as main from 'omniscient-nest';
import { defineActor } from '../../lib/kernel/defining/actor-definition.js';
import { DEFAULT_LIMITS } from '../../lib/runtime/parts/settings.js';
import { filesBelow, readSource } from './source-files.js';

/** The reference names everything that users touch, and nothing that is not there. */
const reference = filesBelow('docs/reference')
  .map((page) => readSource(page))
  .join('\n');
const errors = readSource('docs/reference/errors.md');
const sources = filesBelow('lib').filter((file) => file.endsWith('.ts'));

describe('The reference', () => {
  it('names every value that can be imported from omniscient-nest', () => {
    const missing = Object.keys(main).filter((name) => !new RegExp(`\\b${name}\\b`).test(reference));
    expect(missing).toEqual([]);
  });

  it('has a cause and a cure for every error code, and for none that is not there', () => {
    const codes = sources.flatMap((file) => codesIn(readSource(file)));
    const told = [...errors.matchAll(/^- (.*)$/gm)].flatMap(([, line]) => toldIn(line as string));
    expect(codes.length).toBeGreaterThan(80);
    expect([...new Set(codes)].filter((code) => !told.includes(code))).toEqual([]);
    expect(told.filter((code) => !sources.some((file) => readSource(file).includes(`'${code}'`)))).toEqual([]);
    expect(told.filter((code, i) => told.indexOf(code) !== i)).toEqual([]);
  });

  it('has every limit with its default', () => {
    const page = readSource('docs/reference/module.md');
    for (const [name, value] of Object.entries(DEFAULT_LIMITS)) {
      expect(page).toMatch(new RegExp(`\\| \`${name}\` \\| ${value.toLocaleString('en')} \\|`));
    }
  });

  it('has every reserved name of a command, and no other', () => {
    const told = /\*\*Commands\*\* cannot be called (.*?)\(/s.exec(readSource('docs/reference/actors.md'))?.[1] ?? '';
    const names = [...told.matchAll(/`(\w+)`/g)].map(([, name]) => name as string);
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !isReserved(name))).toEqual([]);
    expect(reservedNames().filter((name) => !names.includes(name))).toEqual([]);
  });
});

describe('The checks above', () => {
  it('know a code by where it stands', () => {
    expect(codesIn("throw new EngineError('DISK_FULL', 'make room')")).toEqual(['DISK_FULL']);
    expect(codesIn("  super('CONFLICT', message)")).toEqual(['CONFLICT']);
    expect(codesIn("throw wrong('NOT_A_CLASS', `expected`)")).toEqual(['NOT_A_CLASS']);
    expect(codesIn("new OmniscientError(\n  'LOOKS_OLD',")).toEqual(['LOOKS_OLD']);
    expect(codesIn('  AUTH_FAILED: { advice: 1 },\n  TABLE_MISSING: {\n    advice: 2')).toEqual([
      'AUTH_FAILED',
      'TABLE_MISSING',
    ]);
    expect(codesIn("readonly code = 'SIMULATION_FAILED';")).toEqual(['SIMULATION_FAILED']);
    expect(codesIn("['SQLITE_FULL', 'DISK_FULL']")).toEqual([]);
  });

  it('know which codes a line tells of', () => {
    expect(toldIn('`HANDLER_IS_COMMAND`, `HANDLER_IS_LISTENER`: one method is both.')).toHaveLength(2);
    expect(toldIn('`NO_LEADER` (**r** unless it was sent): `OTHER_CODE`')).toEqual(['NO_LEADER']);
    expect(toldIn('`outcome`: what')).toEqual([]);
  });
});

/** Codes of errors that a source makes. */
function codesIn(source: string): string[] {
  const made = /(?:Error|wrong|super)\(\s*'([A-Z][A-Z_]+)'|^ {2}([A-Z][A-Z_]+): \{(?=\s*advice)|\bcode = '([A-Z_]+)'/gm;
  return [...source.matchAll(made)].map(([, thrown, advised, own]) => (thrown ?? advised ?? own) as string);
}

/** Codes at the beginning of an item of the list. */
function toldIn(line: string): string[] {
  const beginning = /^(?:`[A-Z_]+`,? ?)+/.exec(line)?.[0] ?? '';
  return [...beginning.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code as string);
}

function isReserved(command: string): boolean {
  const method = { configurable: true, writable: true, value() {} };
  class Probe extends main.LiveActor<object, object> {
    initialState() {
      return {};
    }
  }
  main.Actor()(Probe);
  Object.defineProperty(Probe.prototype, command, method);
  main.Command()(Probe.prototype, command, method as TypedPropertyDescriptor<() => void>);
  try {
    defineActor(Probe);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === 'RESERVED_COMMAND_NAME';
  }
}

/** What stands in the source, as nothing exports it. */
function reservedNames(): string[] {
  const list =
    /RESERVED_COMMANDS = new Set\(\s*'([^']+)'/.exec(readSource('lib/kernel/defining/actor-definition.ts'))?.[1] ?? '';
  return list.split(' ');
}
