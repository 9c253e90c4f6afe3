import { afterEach, describe, expect, it } from '@jest/globals';
import { withCorrelation } from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import { MetadataWriter } from '../../../lib/runtime/events/event-codec.js';
import type { Runtime, RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import { RandomIds } from '../../../lib/runtime/parts/system-clock.js';
import { causeOf } from '../../../lib/runtime/turn/turn.js';
import { Counter } from '../../support/actors.js';
import { startNode } from '../../support/runtime.js';

let running: Runtime[] = [];
afterEach(async () => {
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

async function startCounters(options: Partial<RuntimeOptions> = {}) {
  const { node, actors } = await startNode(Counter, options);
  running.push(node);
  return { node, counters: actors };
}

/** Ids that a user made, and not well. */
class OddIds extends RandomIds {
  broken = false;

  override next(): string {
    return this.broken ? (undefined as never) : super.next();
  }
}

const NO_STRINGS = [undefined, null, 7, {}, ['a', 'b']] as never[];

describe('withCorrelation', () => {
  it('refuses what is no string before anything is run, so that nothing unreadable is stored', async () => {
    const { node, counters } = await startCounters();
    const counter = await counters.get('c');
    let runs = 0;
    const add = () => {
      runs += 1;
      return counter.add(1);
    };
    for (const id of NO_STRINGS) {
      expect(() => withCorrelation(id, add)).toThrow(expect.objectContaining({ code: 'INVALID_CORRELATION' }));
    }
    for (const cause of NO_STRINGS.filter((each) => each !== undefined && each !== null)) {
      expect(() => withCorrelation('r', add, cause)).toThrow(expect.objectContaining({ code: 'INVALID_CORRELATION' }));
    }
    expect(runs).toBe(0);
    await withCorrelation('r', add, undefined);
    await withCorrelation('r', add, null);
    await withCorrelation('"quoted"', add, 'message 1');
    const versions = [];
    for await (const { event } of counters.replay('c')) versions.push(event.version);
    expect(versions).toEqual([1, 2, 3]);
    const [, , last] = await node.parts.engine.readStream('c', 0, 10);
    expect(JSON.parse(last?.metadata ?? '')).toMatchObject({ correlationId: '"quoted"', causationId: 'message 1' });
  });

  it('refuses an id that is too long for every event to bear', () => {
    const run = () => 'ran';
    expect(withCorrelation('x'.repeat(1_000), run)).toBe('ran');
    expect(() => withCorrelation('x'.repeat(1_001), run)).toThrow(/has 1001 characters, and at most 1000 fit/);
  });
});

describe('the metadata of an event', () => {
  it('is not written if an id is no string', async () => {
    const ids = new OddIds();
    const { node, counters } = await startCounters({ ids });
    const counter = await counters.get('c');
    await counter.add(1);
    ids.broken = true;
    await expect(counter.add(1)).rejects.toMatchObject({ code: 'INVALID_METADATA' });
    ids.broken = false;
    await counter.add(1);
    const stored = await node.parts.engine.readStream('c', 0, 10);
    expect(stored.map(({ metadata }) => typeof JSON.parse(metadata))).toEqual(['object', 'object']);
    expect(counter.version).toBe(2);
  });

  it('is JSON whatever somebody else wrote into the event that was heard', () => {
    const writer = new MetadataWriter({ now: () => 0 }, 'Counter', 'n1', 'a1');
    for (const correlationId of NO_STRINGS) {
      const cause = causeOf('c1', undefined, { correlationId, causationId: 'e1', traceparent: '"odd"' });
      expect(JSON.parse(writer.write(cause))).toMatchObject({
        commandId: 'c1',
        correlationId: 'c1',
        causationId: 'e1',
        traceparent: '"odd"',
      });
    }
  });

  it('of a vote in an election that could not be written does not end the process', async () => {
    const ids = new OddIds();
    const engine = new MemoryEngine();
    let warn = (_: string) => {};
    const warned = new Promise<string>((resolve) => {
      warn = resolve;
    });
    const log = { warn: (text: string) => warn(text), error: () => {} };
    const { node } = await startCounters({ ids, engine, log });
    ids.broken = true;
    const led = new Promise<void>((resolve) => node.election.whenLeader('job', () => resolve()));
    expect(await warned).toContain('the vote could not be stored');
    ids.broken = false;
    await led;
    expect(await engine.readStream('$election-job', 0, 10)).toHaveLength(1);
  });
});
