import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import { newEvent, newEvents, readWhole } from '../../../lib/testing/conformance/kit/conformance-case.js';
import { canMount, mounted } from '../../support/mount.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function errorOf(work: Promise<unknown>): Promise<EngineError> {
  const error = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EngineError);
  return error as EngineError;
}

describe('files that cannot serve as an event store', () => {
  it('a file that is no database: NOT_A_DATABASE, and the file is as it was', async () => {
    const file = join(folder, 'notes.txt');
    const text = 'Dear diary, this is not a database at all.\n'.repeat(100);
    writeFileSync(file, text);
    const error = await errorOf(new SqliteEngine({ file }).open());
    expect(error.code).toBe('NOT_A_DATABASE');
    expect(error.message).toContain(file);
    expect(readFileSync(file, 'utf8')).toBe(text);
    writeFileSync(file, 'hi');
    expect((await errorOf(new SqliteEngine({ file }).open())).code).toBe('NOT_A_DATABASE');
    expect(readFileSync(file, 'utf8')).toBe('hi');
  });

  it('a database of another program: NOT_OUR_DATABASE, and nothing is added to it, not even another journal mode', async () => {
    const file = join(folder, 'other.db');
    const other = new Database(file);
    other.exec('CREATE TABLE customers (name TEXT)');
    other.close();
    const before = readFileSync(file);
    expect((await errorOf(new SqliteEngine({ file }).open())).code).toBe('NOT_OUR_DATABASE');
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(folder)).toEqual(['other.db']);
  });

  it('a database from a newer version: SCHEMA_TOO_NEW', async () => {
    const file = join(folder, 'events.db');
    const engine = new SqliteEngine({ file });
    await engine.open();
    await engine.close();
    const raw = new Database(file);
    raw.pragma('user_version = 99');
    raw.close();
    const error = await errorOf(new SqliteEngine({ file }).open());
    expect(error.code).toBe('SCHEMA_TOO_NEW');
    expect(error.message).toContain('99');
  });

  it('a folder where the file should be, and a folder that cannot be made: CANNOT_OPEN', async () => {
    mkdirSync(join(folder, 'events.db'));
    expect((await errorOf(new SqliteEngine({ file: join(folder, 'events.db') }).open())).code).toBe('CANNOT_OPEN');
    writeFileSync(join(folder, 'plain'), '');
    expect((await errorOf(new SqliteEngine({ file: join(folder, 'plain', 'sub', 'events.db') }).open())).code).toBe(
      'CANNOT_OPEN',
    );
  });

  it('a damaged database: CORRUPT, when what is damaged is read', async () => {
    const file = join(folder, 'events.db');
    const engine = new SqliteEngine({ file });
    await engine.open();
    for (let i = 0; i < 50; i += 1)
      await engine.append({ streamId: 's', expectedVersion: 'any', events: newEvents(20) });
    await engine.close();
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 2 * 4_096, bytes.length - 4_096);
    writeFileSync(file, bytes);
    const damaged = new SqliteEngine({ file });
    const error = await errorOf(damaged.open().then(() => damaged.readStream('s', 0, 1_000)));
    expect(error).toMatchObject({ code: 'CORRUPT', retryable: false });
    await damaged.close();
  });

  it('a file that another program keeps locked: DATABASE_BUSY, which may be tried again', async () => {
    const file = join(folder, 'events.db');
    const other = new Database(file);
    other.exec('BEGIN EXCLUSIVE');
    const error = await errorOf(new SqliteEngine({ file, busyTimeoutMs: 50 }).open());
    expect(error).toMatchObject({ code: 'DATABASE_BUSY', retryable: true });
    const engine = new SqliteEngine({ file });
    const opening = engine.open();
    await new Promise((resolve) => setTimeout(resolve, 50));
    other.close();
    await opening;
    await engine.close();
  });

  it('makes missing folders', async () => {
    const engine = new SqliteEngine({ file: join(folder, 'a', 'b', 'events.db') });
    await engine.open();
    await engine.close();
  });
});

const withMount = canMount ? it : it.skip;
if (!canMount)
  console.warn('NOT TESTED: full disks and a read-only one, because this user may not mount a file system');

describe('disks that cannot serve', () => {
  withMount('a full disk: DISK_FULL, nothing stored is lost, and it goes on when there is room again', async () => {
    const disk = mounted('size=2m');
    if (!disk) throw new Error('the mount worked a moment ago');
    const engine = new SqliteEngine({ file: join(disk.path, 'events.db') });
    try {
      await engine.open();
      writeFileSync(join(disk.path, 'ballast'), Buffer.alloc(600_000));
      const stored: string[] = [];
      let error: unknown;
      for (let version = 0; version < 400 && !error; version += 1) {
        const event = newEvent('big', { text: 'x'.repeat(20_000) });
        await engine.append({ streamId: 's', expectedVersion: version, events: [event] }).then(
          () => stored.push(event.id),
          (reason: unknown) => (error = reason),
        );
      }
      expect(error).toMatchObject({ code: 'DISK_FULL', retryable: true, outcomeUnknown: false });
      expect((await readWhole(engine, 's')).map(({ id }) => id)).toEqual(stored);
      rmSync(join(disk.path, 'ballast'));
      const after = await engine.append({ streamId: 's', expectedVersion: stored.length, events: newEvents(1) });
      expect(after).toEqual({ kind: 'appended', version: stored.length + 1 });
    } finally {
      await engine.close();
      disk.unmount();
    }
  });

  withMount('a disk that is full from the beginning: DISK_FULL', async () => {
    const disk = mounted('size=12k');
    if (!disk) throw new Error('the mount worked a moment ago');
    const error = await errorOf(new SqliteEngine({ file: join(disk.path, 'events.db') }).open());
    disk.unmount();
    expect(error).toMatchObject({ code: 'DISK_FULL', retryable: true });
  });

  withMount('a disk that can only be read: READ_ONLY', async () => {
    const disk = mounted('size=4m');
    if (!disk) throw new Error('the mount worked a moment ago');
    try {
      const file = join(disk.path, 'events.db');
      const engine = new SqliteEngine({ file });
      await engine.open();
      await engine.append({ streamId: 's', expectedVersion: 0, events: newEvents(1) });
      await engine.close();
      execFileSync('mount', ['-o', 'remount,ro', disk.path]);
      const error = await errorOf(new SqliteEngine({ file }).open());
      expect(error.code).toBe('READ_ONLY');
      expect(error.message).toContain('right to write');
      expect((await errorOf(new SqliteEngine({ file: join(disk.path, 'new.db') }).open())).code).toBe('READ_ONLY');
    } finally {
      disk.unmount();
    }
  });
});

describe('closing', () => {
  it('ends although appends keep coming: those accepted are stored, later ones refused', async () => {
    const engine = new SqliteEngine({ file: join(folder, 'events.db') });
    await engine.open();
    let stored = 0;
    const errors: unknown[] = [];
    const callers = Array.from({ length: 8 }, async () => {
      while (errors.length === 0) {
        await engine.append({ streamId: 's', expectedVersion: 'any', events: newEvents(1) }).then(
          () => (stored += 1),
          (error) => errors.push(error),
        );
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    await Promise.all([engine.close(), engine.close()]);
    await Promise.all(callers);
    expect(errors).not.toEqual([]);
    for (const error of errors) expect(error).toMatchObject({ code: 'ENGINE_CLOSED' });
    await engine.open();
    expect(await engine.streamVersion('s')).toBe(stored);
    await engine.close();
  });
});

describe('several engines on one file', () => {
  it('keeps a write waiting while another connection holds the lock, without blocking the event loop', async () => {
    const file = join(folder, 'events.db');
    const engine = new SqliteEngine({ file });
    await engine.open();
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 1);
    const append = engine.append({ streamId: 's', expectedVersion: 0, events: newEvents(1) });
    await new Promise((resolve) => setTimeout(resolve, 100));
    other.exec('COMMIT');
    expect(await append).toEqual({ kind: 'appended', version: 1 });
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(5);
    other.close();
    await engine.close();
  });

  it('fails with DATABASE_BUSY, which may be tried again, after busyTimeoutMs', async () => {
    const file = join(folder, 'events.db');
    const engine = new SqliteEngine({ file, busyTimeoutMs: 50 });
    await engine.open();
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    const error = await errorOf(engine.append({ streamId: 's', expectedVersion: 0, events: newEvents(1) }));
    expect(error).toMatchObject({ code: 'DATABASE_BUSY', retryable: true, outcomeUnknown: false });
    other.close();
    expect(await engine.streamVersion('s')).toBe(0);
    await engine.close();
  });
});
