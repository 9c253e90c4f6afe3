import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, LiveActor, OneActor, TickActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { ActorBase, ActorClass } from '../../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { Runtime } from '../../../lib/runtime/node/runtime.js';
import type { ActorRepository } from '../../../lib/runtime/refs/actor-repository.js';
import { eventually } from '../../support/eventually.js';
import { Follower, failing, Speaker } from '../../support/listeners.js';
import { silent } from '../../support/runtime.js';

let store: MemoryStore;
const running: Runtime[] = [];
beforeEach(() => {
  store = new MemoryStore();
});
afterEach(async () => {
  failing.clear();
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

interface Sums {
  summed: { n: number };
}

/** Commands that wait in the middle, until the spec lets them go on. */
function waiting() {
  const gate = { open: () => {}, runs: 0 };
  const opened = new Promise<void>((resolve) => {
    gate.open = resolve;
  });

  @Actor()
  class Waiting extends LiveActor<{ sum: number }, Sums> {
    initialState() {
      return { sum: 0 };
    }
    @Command({ onConflict: 'reject' }) async rejecting() {
      gate.runs += 1;
      await opened;
      this.fire('summed', { n: 1 });
    }
    @Command({ onConflict: 'rerun' }) async rerunning() {
      gate.runs += 1;
      await opened;
      this.fire('summed', { n: 1 });
    }
    @EventHandler() summed({ n }: Sums['summed']) {
      this.state.sum += n;
    }
  }
  return { gate, Waiting };
}

@Actor()
class Payments extends LiveActor<{ paid: number }, { paid: { cents: number } }> {
  initialState() {
    return { paid: 0 };
  }
  @Command() pay(cents: number) {
    this.fire('paid', { cents });
    return cents;
  }
  @EventHandler() paid({ cents }: { cents: number }) {
    this.state.paid += cents;
  }
}

@Actor()
class LedPayments extends OneActor<{ paid: number }, { paid: { cents: number } }> {
  initialState() {
    return { paid: 0 };
  }
  @Command() pay(cents: number) {
    this.fire('paid', { cents });
    return cents;
  }
  @EventHandler() paid({ cents }: { cents: number }) {
    this.state.paid += cents;
  }
}

@Actor()
class Clock extends TickActor<object, object> {
  initialState() {
    return {};
  }
  @Command() begin() {
    this.startTicking({ everyMs: 10, count: 1 });
  }
}

async function startNode() {
  const node = new Runtime({ engine: new MemoryEngine({ store }), log: silent, reactionTriesMax: 1 });
  running.push(node);
  await node.start();
  return <A extends ActorBase<object, object>>(actorClass: new () => A): ActorRepository<A> =>
    node.register<A>(defineActor(actorClass as ActorClass), () => new actorClass());
}

const namesIn = (streamId: string) => (store.streams.get(streamId) ?? []).map(({ name }) => name);

/** What another class does on the stream `s`, and the name of what that stores last. */
const happenings: [string, string, (at: Awaited<ReturnType<typeof startNode>>) => Promise<unknown>][] = [
  ['listens', '$listening', async (at) => (await at(Follower).get('s')).follow('bob')],
  [
    'reacts',
    'noted',
    async (at) => {
      await (await at(Follower).get('s')).follow('ann');
      await (await at(Speaker).get('ann')).say('hello');
    },
  ],
  [
    'parks',
    '$parked',
    async (at) => {
      failing.set('bad', () => {
        throw new Error('no');
      });
      await (await at(Follower).get('s')).follow('ann');
      await (await at(Speaker).get('ann')).say('bad');
    },
  ],
  ['answers with a key', '$answered', async (at) => (await at(Payments).get('s')).once('k').pay(1)],
  ['is led', 'paid', async (at) => (await at(LedPayments).get('s')).pay(1)],
  ['ticks', 'tick', async (at) => (await at(Clock).get('s')).begin()],
];

describe("another class's events on the stream, the framework's among them", () => {
  const commands = ['rejecting', 'rerunning'] as const;
  const cases = happenings.flatMap(([what, last, happen]) =>
    commands.map((command) => ({ what, last, happen, command })),
  );

  it.each(cases)(
    'neither fail nor repeat a command: one that $what, beside $command',
    async ({ last, happen, command }) => {
      const { gate, Waiting } = waiting();
      const here = await startNode();
      const waits = await here(Waiting).get('s');
      const answer = waits[command]();
      answer.catch(() => {});
      await happen(await startNode());
      await eventually(() => namesIn('s').includes(last));
      await eventually(() => waits.version === namesIn('s').length);
      gate.open();
      await answer;
      expect({ runs: gate.runs, state: waits.state }).toEqual({ runs: 1, state: { sum: 1 } });
    },
  );
});
