import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import type { SqliteDatabase } from '../../../lib/engines/sqlite/file/driver.js';
import { type EventRow, PAGE_LENGTH_MAX, readPage } from '../../../lib/engines/sqlite/tables/pages.js';
import { prepareStatements } from '../../../lib/engines/sqlite/tables/statements.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { newEvent, newEvents, readStore, readWhole } from '../../../lib/testing/conformance/kit/conformance-case.js';

const LARGE = 300_000;

describe('a page', () => {
  /** A store of events with payloads of these lengths. */
  function storeOf(lengths: readonly number[]) {
    const asked: number[] = [];
    const readAfter = (last: EventRecord | undefined, limit: number): EventRow[] => {
      asked.push(limit);
      const from = last?.position ?? 0;
      return lengths
        .slice(from, from + limit)
        .map((length, i) => [from + i + 1, from + i + 1, 'id', 'name', 'x'.repeat(length), '', 's']);
    };
    return { readAfter, asked };
  }

  it('has as many events as asked for when they are small, read in few chunks', () => {
    const { readAfter, asked } = storeOf(Array.from({ length: 5_000 }, () => 10));
    const page = readPage(1_000, readAfter);
    expect(page.events.map(({ version }) => version)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
    expect(page.ended).toBe(false);
    expect(asked.reduce((sum, limit) => sum + limit)).toBe(1_000);
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it('ends early when they are large, but not with nothing', () => {
    const large = storeOf(Array.from({ length: 1_000 }, () => LARGE));
    const page = readPage(1_000, large.readAfter);
    expect(page.events.length).toBeLessThan(100);
    expect(page.ended).toBe(false);
    const huge = storeOf([3 * PAGE_LENGTH_MAX]);
    expect(readPage(1_000, huge.readAfter).events).toHaveLength(1);
  });

  it('of events that are large enough ends where it is long, not with the chunk after that', () => {
    const page = readPage(1_000, storeOf(Array.from({ length: 1_000 }, () => 10_000)).readAfter);
    const length = page.events.reduce((sum, { data }) => sum + data.length, 0);
    expect(length).toBeGreaterThan(PAGE_LENGTH_MAX);
    expect(length).toBeLessThan(PAGE_LENGTH_MAX * 1.1);
    expect(page.ended).toBe(false);
  });

  it('knows the end, also when there is nothing at all', () => {
    expect(readPage(1_000, storeOf([1, 2, 3]).readAfter)).toMatchObject({ ended: true });
    expect(readPage(1_000, storeOf([]).readAfter)).toEqual({ events: [], ended: true });
    expect(readPage(2, storeOf([1, 2, 3]).readAfter).events).toHaveLength(2);
  });
});

describe('the SQLite engine', () => {
  let folder: string;
  let engine: SqliteEngine;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'omniscient-pages-'));
    engine = new SqliteEngine({ file: join(folder, 'events.db') });
    await engine.open();
  });
  afterEach(async () => {
    await engine.close();
    rmSync(folder, { recursive: true });
  });

  it('reads large events in pages of bounded size, and all of them', async () => {
    const events = Array.from({ length: 100 }, (_, i) => newEvent(`big-${i % 2}`, { text: 'x'.repeat(LARGE) }));
    for (let i = 0; i < events.length; i += 10) {
      await engine.append({ streamId: 's', expectedVersion: i, events: events.slice(i, i + 10) });
    }
    const conflict = await engine.append({ streamId: 's', expectedVersion: 0, events: newEvents(1) });
    const names = ['big-0', 'big-1'];
    const pages = [
      await engine.readStream('s', 0, 1_000),
      (await engine.readAll(0, 1_000)).events,
      (await engine.readAll(0, 1_000, names)).events,
    ];
    for (const page of [...pages, conflict.kind === 'conflict' ? conflict.events : []]) {
      expect(page.length).toBeGreaterThan(0);
      expect(page.length).toBeLessThan(100);
    }
    const ids = events.map(({ id }) => id);
    expect((await readWhole(engine, 's')).map(({ id }) => id)).toEqual(ids);
    expect((await readStore(engine, [])).map(({ id }) => id)).toEqual(ids);
    expect((await readStore(engine, [], 1_000, names)).map(({ id }) => id)).toEqual(ids);
  });

  it('merges the events of several names in order, page by page, each once', async () => {
    for (let i = 0; i < 40; i += 1) {
      const names = ['a', 'b', 'c', 'd'].filter((_, n) => i % (n + 1) === 0);
      await engine.append({
        streamId: `s${i % 3}`,
        expectedVersion: 'any',
        events: names.map((name) => newEvent(name)),
      });
    }
    const all = await readStore(engine, []);
    for (const names of [['a'], ['b', 'd'], ['d', 'b', 'd', 'nobody'], ['nobody'], []]) {
      const expected = all.filter(({ name }) => names.includes(name)).map(({ position }) => position);
      for (const pageSize of [1, 3, 100]) {
        expect((await readStore(engine, [], pageSize, names)).map(({ position }) => position)).toEqual(expected);
      }
    }
  });

  it('finds everything by an index: no statement looks through a table', () => {
    const db = new Database(join(folder, 'events.db'), { readonly: true });
    const statements: string[] = [];
    const noting = (sql: string) => {
      if (/^(SELECT|INSERT|DELETE)/.test(sql)) statements.push(sql);
      const statement = { raw: () => statement, pluck: () => statement };
      return statement;
    };
    prepareStatements({ prepare: noting } as unknown as SqliteDatabase);
    expect(statements.length).toBeGreaterThan(10);
    const scans = statements.flatMap((sql) => {
      const parameters = Array.from({ length: sql.split('?').length - 1 }, () => null);
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters) as { detail: string }[];
      return plan
        .filter(({ detail }) => /^SCAN (?!json_each)|TEMP B-TREE/.test(detail) && !SMALL_TABLE.test(detail))
        .map(({ detail }) => `${sql}: ${detail}`);
    });
    db.close();
    expect(scans).toEqual([]);
  });
});

/** Nodes, messages under way and actors that tick: few rows, looked through a few times a second at most. */
const SMALL_TABLE = /SCAN (nodes|messages|sqlite_sequence|CONSTANT ROW|schedules USING COVERING INDEX)/;
