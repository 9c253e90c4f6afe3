import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type Doing, KNOWN_CODES, sqliteError } from '../../../lib/engines/sqlite/file/sqlite-errors.js';
import { EngineError } from '../../../lib/kernel/values/errors.js';

/** What no statement fails with. */
const NO_FAILURES = /^SQLITE_(OK|ROW|DONE|NOTICE|WARNING)(_|$)/;

/** Every code that the driver can throw, as its source lists them. */
const SOURCE = readFileSync('node_modules/better-sqlite3/src/util/constants.cpp', 'utf8');
const THROWN = [...new Set(SOURCE.match(/\bSQLITE_[A-Z0-9_]+[A-Z0-9]\b/g))].filter((code) => !NO_FAILURES.test(code));

const errorOf = (code: string, doing?: Doing) =>
  sqliteError(Object.assign(new Error('as SQLite says it'), { code }), '/data/events.db', doing);

describe('what SQLite says', () => {
  it('is known in all its forms', () => {
    expect(THROWN.length).toBeGreaterThan(90);
    expect(THROWN.filter((code) => !KNOWN_CODES.some((known) => code.startsWith(known)))).toEqual([]);
  });

  it.each([
    ['SQLITE_NOTADB', 'NOT_A_DATABASE', false],
    ['SQLITE_READONLY', 'READ_ONLY', false],
    ['SQLITE_READONLY_DIRECTORY', 'READ_ONLY', false],
    ['SQLITE_READONLY_DBMOVED', 'DATABASE_GONE', false],
    ['SQLITE_IOERR_VNODE', 'DATABASE_GONE', false],
    ['SQLITE_PERM', 'READ_ONLY', false],
    ['EROFS', 'READ_ONLY', false],
    ['SQLITE_FULL', 'DISK_FULL', true],
    ['SQLITE_IOERR_SHMSIZE', 'DISK_FULL', true],
    ['ENOSPC', 'DISK_FULL', true],
    ['EDQUOT', 'DISK_FULL', true],
    ['SQLITE_CORRUPT_INDEX', 'CORRUPT', false],
    ['SQLITE_IOERR_DATA', 'CORRUPT', false],
    ['SQLITE_IOERR_CORRUPTFS', 'CORRUPT', false],
    ['SQLITE_CANTOPEN_ISDIR', 'CANNOT_OPEN', false],
    ['SQLITE_BUSY', 'DATABASE_BUSY', true],
    ['SQLITE_BUSY_SNAPSHOT', 'DATABASE_BUSY', true],
    ['SQLITE_PROTOCOL', 'DATABASE_BUSY', true],
    ['SQLITE_TOOBIG', 'EVENT_TOO_LARGE', false],
    ['SQLITE_NOMEM', 'OUT_OF_MEMORY', true],
    ['SQLITE_IOERR_NOMEM', 'OUT_OF_MEMORY', true],
    ['SQLITE_IOERR_WRITE', 'IO_ERROR', true],
    ['SQLITE_IOERR_FSYNC', 'IO_ERROR', true],
    ['SQLITE_CONSTRAINT_UNIQUE', 'ENGINE_FAILED', false],
    ['SQLITE_SCHEMA', 'ENGINE_FAILED', false],
    ['SQLITE_MISUSE', 'ENGINE_FAILED', false],
  ])('%s is %s; retryable: %p', (said, code, retryable) => {
    const error = errorOf(said);
    expect(error).toMatchObject({ code, retryable, outcomeUnknown: false, cause: { code: said } });
    expect(error.message).toMatch(/^\/data\/events\.db: .+ \(.+: as SQLite says it\)$/);
  });

  it('in the middle of a COMMIT leaves in doubt what became of it, unless SQLite wrote no end of it', () => {
    const certain = THROWN.filter((code) => !errorOf(code, 'committing').outcomeUnknown);
    expect(certain.sort()).toEqual([
      'SQLITE_BUSY',
      'SQLITE_BUSY_RECOVERY',
      'SQLITE_BUSY_SNAPSHOT',
      'SQLITE_FULL',
      'SQLITE_LOCKED',
      'SQLITE_LOCKED_SHAREDCACHE',
      'SQLITE_LOCKED_VTAB',
      'SQLITE_PROTOCOL',
      'SQLITE_TOOBIG',
    ]);
    expect(THROWN.filter((code) => errorOf(code, 'writing').outcomeUnknown)).toEqual([]);
  });

  it('may be anything, and an EngineError stays what it is', () => {
    for (const thrown of [undefined, null, 'no', {}, new Error('no code'), { code: 7 }]) {
      expect(sqliteError(thrown, 'f')).toMatchObject({ code: 'ENGINE_FAILED', retryable: false });
    }
    expect(errorOf('UNKNOWN_SQLITE_ERROR_9999', 'committing')).toMatchObject({
      code: 'ENGINE_FAILED',
      outcomeUnknown: true,
    });
    const known = new EngineError('DATABASE_GONE', 'gone', { outcomeUnknown: true });
    expect(sqliteError(known, 'f')).toBe(known);
  });
});
