import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { eventually } from '../../support/eventually.js';
import { rest } from '../../support/rest.js';

/** Most that are handed over in one turn of the event loop. */
const AT_ONCE_MAX = 1_000;
const COUNT = 20_000;
const CALL = 250;

let folder: string;
let engines: SqliteEngine[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-mailbox-'));
  engines = [0, 1].map(() => new SqliteEngine({ file: join(folder, 'events.db') }));
  for (const engine of engines) await engine.open();
});
afterEach(async () => {
  for (const engine of engines) await engine.close();
  rmSync(folder, { recursive: true });
});

describe('many messages at once', () => {
  it('are written and handed over a thousand at a time, in order, and others have their turn in between', async () => {
    const [sender, receiver] = engines as [SqliteEngine, SqliteEngine];
    const received: string[] = [];
    let [inThisTurn, most, over] = [0, 0, false];
    const turn = () => {
      inThisTurn = 0;
      if (!over) setImmediate(turn);
    };
    setImmediate(turn);
    await receiver.receive('b', (texts) => {
      received.push(...texts);
      inThisTurn += texts.length;
      most = Math.max(most, inThisTurn);
    });
    const texts = Array.from({ length: COUNT }, (_, i) => `message ${i}`);
    const calls = Array.from({ length: COUNT / CALL }, (_, i) => texts.slice(i * CALL, (i + 1) * CALL));
    await Promise.all(calls.map((call) => sender.send(call.map((text) => ({ to: 'b', text })))));
    await eventually(() => received.length === COUNT, 30_000);
    over = true;
    expect(received).toEqual(texts);
    // What wakes it, and what did not fit before, may come in one turn.
    expect(most).toBeLessThanOrEqual(2 * AT_ONCE_MAX);
  });

  it('that lie there when somebody looks are handed over by themselves, without anything else happening', async () => {
    const [sender, receiver] = engines as [SqliteEngine, SqliteEngine];
    const received: string[] = [];
    await receiver.receive('b', (texts) => received.push(...texts));
    // One call is one transaction, however much it says.
    await sender.send(Array.from({ length: 4_500 }, (_, i) => ({ to: 'b', text: `${i}` })));
    await sender.close();
    await eventually(() => received.length === 4_500);
  });

  it('are handed over to nobody who stopped receiving in the middle of them', async () => {
    const [sender, receiver] = engines as [SqliteEngine, SqliteEngine];
    const delivered: number[] = [];
    const stop = await receiver.receive('b', (texts) => {
      delivered.push(texts.length);
      stop();
    });
    await sender.send(Array.from({ length: 2_500 }, (_, i) => ({ to: 'b', text: `${i}` })));
    await eventually(() => delivered.length > 0);
    await rest(100);
    expect(delivered).toHaveLength(1);
  });
});
