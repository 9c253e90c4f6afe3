import { afterEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { MemoryStore } from 'omniscient-nest/memory';
import { SYSTEM } from '../../../lib/engine/environment/system-environment.js';
import { ALL_STREAMS } from '../../../lib/kernel/framework/listening-state.js';
import { nestLog } from '../../../lib/nest/nest-log.js';
import { DeliveryQueue } from '../../../lib/runtime/dispatching/delivery-queue.js';
import type { Delivery } from '../../../lib/runtime/listening/delivery.js';
import type { Reactions } from '../../../lib/runtime/listening/reactions.js';
import type { Telemetry, Trace } from '../../../lib/runtime/parts/telemetry.js';
import { Counter } from '../../support/actors.js';
import { eventually } from '../../support/eventually.js';
import { HOSTILE } from '../../support/hostile-errors.js';
import { startNode, WeatheredEngine } from '../../support/runtime.js';

const refuse = (): never => {
  throw new Error('out of order');
};

describe('telemetry that throws', () => {
  const brokenTrace: Trace = { traceparent: undefined, run: refuse, noted: refuse, ended: refuse, failed: refuse };
  /** Does the work, and then throws. */
  const lateTrace: Trace = {
    ...brokenTrace,
    run: (work) => {
      work();
      return refuse();
    },
  };
  const telling = (begin: () => Trace): Telemetry => ({
    command: begin,
    forward: begin,
    serve: begin,
    append: begin,
    projection: begin,
    conflict: refuse,
    parked: refuse,
    tick: refuse,
    observe: refuse,
  });

  it.each([
    ['at the beginning', telling(refuse)],
    ['around the work', telling(() => brokenTrace)],
    ['after the work', telling(() => lateTrace)],
  ])('%s fails no command, and makes none run twice', async (_, telemetry) => {
    const store = new MemoryStore();
    let refusals = 2;
    const engine = new WeatheredEngine({ refuse: () => refusals-- > 0 }, store);
    const { node, actors } = await startNode(Counter, { engine, telemetry, log: { warn: refuse, error: refuse } });
    const counter = await actors.get('a');
    expect(await counter.add(2)).toBe(2);
    await expect((counter as unknown as { add(n: bigint): Promise<number> }).add(1n)).rejects.toThrow();
    expect(store.streams.get('a')).toHaveLength(1);
    await node.stop();
  });
});

describe("Nest's log", () => {
  const said: unknown[][] = [];
  afterEach(() => {
    said.length = 0;
    Logger.overrideLogger(false);
  });

  it('says what made it happen', () => {
    Logger.overrideLogger({ log() {}, warn: (...line) => said.push(line), error: (...line) => said.push(line) });
    const error = new AggregateError([new Error('one')], 'all', { cause: new RangeError('two') });
    nestLog().warn('a try failed', error);
    nestLog().error('it failed', error);
    expect(said[0]?.[0]).toBe('a try failed: all (because of Error: one; RangeError: two)');
    expect(String(said[1]?.[1])).toMatch(/AggregateError: all.*\[error\] Error: one.*\[cause\] RangeError: two/s);
  });

  it.each(Object.keys(HOSTILE))('has a line for %s', (name) => {
    Logger.overrideLogger({ log() {}, warn: (...line) => said.push(line), error: (...line) => said.push(line) });
    nestLog().warn('a try failed', HOSTILE[name]?.());
    nestLog().error('it failed', HOSTILE[name]?.());
    expect(said.map(([message]) => String(message).split(':')[0])).toEqual(['a try failed', 'it failed']);
  });

  it('fails nobody if the logger of the application throws', () => {
    Logger.overrideLogger({ log: refuse, warn: refuse, error: refuse });
    expect(() => nestLog().warn('a try failed', new Error('text'))).not.toThrow();
    expect(() => nestLog().error('it failed', new Error('text'))).not.toThrow();
  });
});

describe('an event whose delivery breaks in a way that nobody foresaw', () => {
  it('comes again, and nothing for the same actor overtakes it or counts as done before it', async () => {
    const heard: number[] = [];
    const done: number[] = [];
    let breaks = 3;
    const reactions = {
      notedAt: () => 0,
      react: async ({ at }: Delivery, _after: number, executed: () => void = () => {}) => {
        if (at === 2 && breaks > 0) throw new Error('a try failed');
        heard.push(at);
        executed();
      },
      park: refuse,
    } as unknown as Reactions;
    const broken: unknown[] = [];
    const line = new DeliveryQueue(
      {
        triesMax: 5,
        onFailure: 'park',
        reactions: async () => reactions,
        failed: () => {
          if (breaks-- > 0) refuse();
        },
        parkElsewhere: refuse,
        broke: (error) => broken.push(error),
        ended: () => {},
      },
      SYSTEM,
    );
    const bring = (at: number) => {
      const record = {
        id: `${at}`,
        streamId: 's',
        version: at,
        position: at,
        name: 'said',
        data: '{}',
        metadata: '{}',
      };
      line.add({ delivery: { listener: 'l', source: ALL_STREAMS, at, record }, done: () => done.push(at) });
    };
    bring(1);
    bring(2);
    await eventually(() => broken.length > 0);
    expect(done).toEqual([1]);
    bring(3);
    await eventually(() => done.length === 3);
    expect(heard).toEqual([1, 2, 3]);
    expect(done).toEqual([1, 2, 3]);
  });
});
