import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { newEvent, newEvents } from '../../../lib/testing/conformance/kit/conformance-case.js';
import { isReady, killWorkers, messageOf, startWorker, stopWorker } from '../../support/workers.js';

let folder: string;
let file: string;
let engine: SqliteEngine;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-gone-'));
  mkdirSync(join(folder, 'data'));
  file = join(folder, 'data', 'events.db');
  engine = new SqliteEngine({ file });
});
afterEach(async () => {
  await killWorkers();
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

const append = (events = newEvents(1)) => engine.append({ streamId: 's', expectedVersion: 'any', events });
const filesOf = (path = join(folder, 'data')) => (existsSync(path) ? readdirSync(path).sort() : []);

/** A database of another past. */
async function otherDatabase(): Promise<string> {
  const path = join(folder, 'other.db');
  const other = new SqliteEngine({ file: path });
  await other.open();
  await other.append({ streamId: 'other', expectedVersion: 0, events: newEvents(2) });
  await other.close();
  return path;
}

/** What can be done to the ground under an open database; each gives what undoes it, where anything does. */
const HARM: Readonly<Record<string, () => (() => void) | undefined | Promise<undefined>>> = {
  'the database file is deleted': () => void rmSync(file),
  'all its files are deleted': () => {
    for (const name of filesOf()) rmSync(join(folder, 'data', name));
    return undefined;
  },
  'the database file is moved away': () => {
    renameSync(file, `${file}.away`);
    return () => renameSync(`${file}.away`, file);
  },
  'its folder is moved away': () => {
    renameSync(join(folder, 'data'), join(folder, 'moved'));
    return () => renameSync(join(folder, 'moved'), join(folder, 'data'));
  },
  'a backup is moved over it': async () => {
    renameSync(await otherDatabase(), file);
    return undefined;
  },
  'it is deleted, and a backup is copied to its place': async () => {
    rmSync(file);
    copyFileSync(await otherDatabase(), file);
    return undefined;
  },
  'it is cut to nothing': () => void truncateSync(file, 0),
  'it is cut to half its length': () => void truncateSync(file, 4_096),
  'the write-ahead log is deleted': () => void rmSync(`${file}-wal`),
  'the write-ahead log is replaced': () => {
    rmSync(`${file}-wal`);
    writeFileSync(`${file}-wal`, '');
    return undefined;
  },
  'the write-ahead log is cut to nothing': () => void truncateSync(`${file}-wal`, 0),
  'the write-ahead log is cut to half its length': () =>
    void truncateSync(`${file}-wal`, statSync(`${file}-wal`).size >> 1),
  'the index of the write-ahead log is deleted': () => void rmSync(`${file}-shm`),
};

describe('when the ground moves under an open database', () => {
  it.each(Object.keys(HARM))('%s: nothing is acknowledged any more, and nothing is begun anew', async (what) => {
    await engine.open();
    for (let i = 0; i < 20; i += 1) await append();
    // Everything in the file, and something in the log.
    await engine.close();
    await engine.open();
    expect(await append()).toEqual({ kind: 'appended', version: 21 });
    const undo = await HARM[what]?.();
    const left = filesOf();
    await expect(append()).rejects.toMatchObject({ code: 'DATABASE_GONE', retryable: false });
    await expect(append()).rejects.toMatchObject({ code: 'DATABASE_GONE', outcomeUnknown: false });
    await expect(engine.saveCheckpoint('c', 0, '{}')).rejects.toMatchObject({ code: 'DATABASE_GONE' });
    // Who follows goes on looking.
    await expect(engine.lastPosition()).rejects.toMatchObject({ code: 'DATABASE_GONE', retryable: true });
    await expect(engine.readStream('s', 0, 10)).rejects.toThrow(file);
    expect(filesOf()).toEqual(left);
    if (!undo) return;
    undo();
    expect(await append()).toEqual({ kind: 'appended', version: 22 });
    expect(await engine.streamVersion('s')).toBe(22);
  });

  it('a link that leads to another database now', async () => {
    const link = join(folder, 'link.db');
    await engine.open();
    symlinkSync(file, link);
    const linked = new SqliteEngine({ file: link });
    try {
      await linked.open();
      expect(await linked.append({ streamId: 's', expectedVersion: 0, events: newEvents(1) })).toMatchObject({
        kind: 'appended',
      });
      const other = await otherDatabase();
      rmSync(link);
      symlinkSync(other, link);
      const appending = linked.append({ streamId: 's', expectedVersion: 1, events: newEvents(1) });
      await expect(appending).rejects.toMatchObject({ code: 'DATABASE_GONE' });
      // Whoever opened it by its own name is not concerned.
      expect(await append()).toEqual({ kind: 'appended', version: 2 });
    } finally {
      await linked.close();
    }
  });

  it('in the middle of a commit: that one is in doubt, for the file may be found again', async () => {
    await engine.open();
    const event = newEvent('noted');
    const deleting = {
      ...event,
      /** Read when it is written into the table. */
      get id() {
        rmSync(file, { force: true });
        return event.id;
      },
    };
    await expect(append([deleting])).rejects.toMatchObject({ code: 'DATABASE_GONE', outcomeUnknown: true });
    // Nobody may take it for stored because it is in the file that nobody finds.
    await expect(engine.readStream('s', 0, 10)).rejects.toMatchObject({ code: 'DATABASE_GONE' });
    expect(filesOf()).not.toContain('events.db');
  });

  it('a database that grows, shrinks by VACUUM, and whose log is emptied, is the same all the time', async () => {
    const { default: Database } = await import('better-sqlite3');
    await engine.open();
    const big = () => newEvent('big', { text: 'x'.repeat(50_000) });
    for (let i = 0; i < 30; i += 1) await append([big()]);
    const other = new Database(file);
    try {
      other.pragma('wal_checkpoint(TRUNCATE)');
      await append();
      other.exec(`DELETE FROM events WHERE name = 'big' AND version > 2`);
      other.exec('VACUUM');
      other.pragma('wal_checkpoint(TRUNCATE)');
    } finally {
      other.close();
    }
    expect(await append()).toMatchObject({ kind: 'appended' });
    expect(await engine.lastPosition()).toBeGreaterThan(0);
  });
});

describe('a database file that is missing', () => {
  const OTHERS = ['-wal', '-shm', '-bell'];

  async function leaveBehind(): Promise<void> {
    const worker = startWorker({ file, id: 'one', task: 'untilShutdown', callers: 4, count: Number.MAX_SAFE_INTEGER });
    worker.stdout?.resume();
    await messageOf(worker, isReady);
    await stopWorker(worker, 'SIGKILL');
    expect(filesOf()).toEqual(['events.db', ...OTHERS.map((ending) => `events.db${ending}`).sort()]);
  }

  it.each(OTHERS)('is not begun anew beside its %s', async (ending) => {
    await leaveBehind();
    for (const name of filesOf()) if (name !== `events.db${ending}`) rmSync(join(folder, 'data', name));
    const left = filesOf();
    const opening = engine.open();
    await expect(opening).rejects.toMatchObject({ code: 'DATABASE_GONE', retryable: false });
    await expect(opening).rejects.toThrow(`events.db${ending}`);
    expect(filesOf()).toEqual(left);
  });

  it('is not begun anew while another process has the deleted one open', async () => {
    const worker = startWorker({ file, id: 'one', task: 'untilShutdown', callers: 1, count: Number.MAX_SAFE_INTEGER });
    worker.stdout?.resume();
    await messageOf(worker, isReady);
    rmSync(file);
    await expect(engine.open()).rejects.toMatchObject({ code: 'DATABASE_GONE' });
    expect(filesOf()).not.toContain('events.db');
  });

  it('nor is an empty one filled, or one behind a link that leads nowhere', async () => {
    await leaveBehind();
    truncateSync(file, 0);
    await expect(engine.open()).rejects.toMatchObject({ code: 'DATABASE_GONE' });
    expect(filesOf()).toContain('events.db-wal');
    rmSync(file);
    const link = join(folder, 'link.db');
    symlinkSync(file, link);
    const linked = new SqliteEngine({ file: link });
    await expect(linked.open()).rejects.toMatchObject({ code: 'DATABASE_GONE' });
    await linked.close();
  });

  it('is made where nothing is left of it, in an empty file too, also behind a link', async () => {
    await leaveBehind();
    for (const name of filesOf()) rmSync(join(folder, 'data', name));
    appendFileSync(file, '');
    await engine.open();
    expect(await engine.lastPosition()).toBe(0);
    const link = join(folder, 'link.db');
    symlinkSync(join(folder, 'new.db'), link);
    const linked = new SqliteEngine({ file: link });
    await linked.open();
    await linked.close();
    expect(filesOf(folder)).toContain('new.db');
  });

  it('can be started anew by many processes at once', async () => {
    const engines = Array.from({ length: 8 }, () => new SqliteEngine({ file }));
    await Promise.all(engines.map((each) => each.open()));
    await Promise.all(engines.map((each) => each.close()));
  });
});

describe('the name of the file', () => {
  it("':memory:' means memory: a store of its own for each engine, gone when it is closed", async () => {
    const [one, other] = [new SqliteEngine({ file: ':memory:' }), new SqliteEngine({ file: ':memory:' })];
    await one.open();
    await other.open();
    const woken: number[] = [];
    await one.watchAll((events) => woken.push(...events.map(({ position }) => position)));
    await one.append({ streamId: 's', expectedVersion: 0, events: newEvents(2) });
    expect(await one.lastPosition()).toBe(2);
    expect(await other.lastPosition()).toBe(0);
    expect(woken).toEqual([1, 2]);
    await one.close();
    await one.open();
    expect(await one.lastPosition()).toBe(0);
    await one.close();
    await other.close();
    expect(readdirSync('.').filter((name) => name.includes(':memory:'))).toEqual([]);
  });

  it.each(['', ' ', 'file:events.db', 'FILE:///tmp/events.db?mode=memory', 'a\0b', 7])(
    '%p is refused, and the message says what to give',
    (name) => {
      expect(() => new SqliteEngine({ file: name as string })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining("'file'") }),
      );
    },
  );
});
