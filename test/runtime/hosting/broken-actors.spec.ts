import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, ConflictError, EngineError, EventHandler, LiveActor, OneActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { AppendRequest } from '../../../lib/engine/duties/append.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { Tally } from '../../support/actors.js';
import { patientMs } from '../../support/machine-speed.js';
import { gate } from '../../support/one-cluster.js';
import { startNode, WeatheredEngine } from '../../support/runtime.js';

type Events = { added: Record<string, never>; odd: Record<string, never> };

let isOdd = true;
let store: MemoryStore;
let running: Runtime[] = [];

@Actor()
class Frail extends LiveActor<{ n: number }, Events> {
  initialState() {
    return { n: 0 };
  }

  @Command() add(): number {
    this.fire('added');
    return this.state.n;
  }

  @Command() answer(how: 'getter' | 'deep' | 'then' | 'later'): unknown {
    if (how === 'deep') return deep();
    const answer = {};
    Object.defineProperty(answer, how === 'then' ? 'then' : 'total', { enumerable: true, get: refuse });
    return how === 'later' ? sleep(1).then(() => answer) : answer;
  }

  @EventHandler() added(): void {
    this.state.n += 1;
  }

  @EventHandler() odd(): void {
    if (isOdd) throw new Error('odd');
  }
}

@Actor()
class Led extends OneActor<{ n: number }, Events> {
  initialState() {
    return { n: 0 };
  }

  @Command() add(): void {
    this.fire('added');
  }

  @EventHandler() added(): void {
    this.state.n += 1;
  }

  @EventHandler() odd(): void {
    throw new Error('odd');
  }
}

function refuse(): never {
  throw new Error('do not look');
}

function deep(): object {
  let inner: object = {};
  for (let i = 0; i < 20_000; i += 1) inner = { inner };
  return inner;
}

const ODD = { id: 'odd', name: 'odd', data: '{}', metadata: '{}' };

beforeEach(() => {
  store = new MemoryStore();
  isOdd = true;
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

async function appendOdd(streamId: string, more: AppendRequest['events'] = []): Promise<void> {
  const other = new MemoryEngine({ store });
  await other.open();
  await other.append({ streamId, expectedVersion: 'any', events: [...more, ODD] });
}

/** Whatever comes of it, unless it takes too long. */
async function endOf(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([
    promise.catch((error: unknown) => error),
    sleep(patientMs(3_000), 'never ended', { ref: false }),
  ]);
}

describe('an actor with something wrong', () => {
  it.each([0, 1, 2, 3, 4])(
    'can be asked for again when an event that came %i turns after its past does not apply',
    async (turns) => {
      let isArmed = true;
      class Late extends MemoryEngine {
        override async readStream(streamId: string, after: number, limit: number) {
          const page = await super.readStream(streamId, after, limit);
          if (isArmed && page.length === 0) {
            isArmed = false;
            void (async () => {
              for (let i = 0; i < turns; i += 1) await null;
              await appendOdd(streamId);
            })();
          }
          return page;
        }
      }
      const { node, actors } = await startNode(Frail, { engine: new Late({ store }) });
      running.push(node);
      const asked = actors.get('f').then((frail) => frail.add());
      const outcome = await endOf(asked);
      if (typeof outcome !== 'number') expect(outcome).toMatchObject({ code: 'HANDLER_FAILED' });
      isOdd = false;
      expect(await endOf(actors.get('f').then((frail) => frail.add()))).toBeGreaterThan(0);
    },
  );

  it.each(['getter', 'deep', 'then', 'later'] as const)(
    'goes on after an answer that cannot be looked at (%s)',
    async (how) => {
      const { node, actors } = await startNode(Frail);
      running.push(node);
      const frail = await actors.get('f');
      expect(await endOf(frail.answer(how))).toBeInstanceOf(Error);
      expect(await endOf(frail.add())).toBe(1);
    },
  );

  it('answers everybody when it is deposed by events that do not apply', async () => {
    let held: ReturnType<typeof gate> | undefined;
    const engine = new WeatheredEngine({ hold: () => held?.passed }, store);
    const { node, actors } = await startNode(Led, { engine, nodeId: 'a' });
    running.push(node);
    const led = await actors.get('l');
    await led.add();
    held = gate();
    const adding = led.add();
    await sleep(20);
    const { metadata = '' } = store.streams.get('l')?.[0] ?? {};
    await appendOdd('l', [{ id: 'l', name: '$leader', data: JSON.stringify({ nodeId: 'z', term: 2 }), metadata }]);
    held.open();
    expect(await endOf(adding)).toBeInstanceOf(Error);
  });

  it('has no second effect of a key where it checks no version and another node stored events', async () => {
    const [a, b] = await Promise.all(
      ['a', 'b'].map((nodeId) => startNode(Tally, { engine: new MemoryEngine({ store }), nodeId })),
    );
    if (a) running.push(a.node);
    if (b) running.push(b.node);
    const [here, there] = [await a?.actors.get('t'), await b?.actors.get('t')];
    await there?.once('key').add(1);
    await here?.add(5);
    await expect(here?.once('key').add(1)).rejects.toThrow(ConflictError);
    await here?.once('key').add(1);
    const added = (store.streams.get('t') ?? []).filter(({ name }) => name === 'added');
    expect(added.map(({ data }) => JSON.parse(data).n)).toEqual([1, 5]);
  });

  it('stores nothing twice when an answer was lost and the store then cannot be searched', async () => {
    let isLost = false;
    let isLocked = false;
    class Locked extends WeatheredEngine {
      override async readStream(streamId: string, after: number, limit: number) {
        if (isLocked) {
          isLocked = false;
          throw new EngineError('ENGINE_DENIED', 'not for you');
        }
        return super.readStream(streamId, after, limit);
      }
    }
    const loseAnswer = () => {
      const lost = isLost;
      isLocked ||= lost;
      isLost = false;
      return lost;
    };
    const { node, actors } = await startNode(Tally, { engine: new Locked({ loseAnswer }, store) });
    running.push(node);
    const tally = await actors.get('t');
    isLost = true;
    const told = await Promise.allSettled([tally.add(1), tally.add(2)]);
    expect(store.streams.get('t')).toHaveLength(2);
    for (const each of told) {
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'ENGINE_DENIED', outcomeUnknown: true } });
    }
    expect(await tally.add(3)).toBe(6);
  });
});
