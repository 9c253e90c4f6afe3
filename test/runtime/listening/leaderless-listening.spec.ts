import { expect, it } from '@jest/globals';
import { MemoryEngine } from 'omniscient-nest/memory';
import { SYSTEM } from '../../../lib/engine/environment/system-environment.js';
import { IN_CODE, LISTENING_EVENT, ListeningState } from '../../../lib/kernel/framework/listening-state.js';
import { ActorListening } from '../../../lib/runtime/listening/actor-listening.js';
import type { ListeningOwner } from '../../../lib/runtime/listening/listening-owner.js';
import type { RuntimeParts } from '../../../lib/runtime/parts/settings.js';
import { eventually } from '../../support/eventually.js';
import { silent } from '../../support/runtime.js';

/** An actor that another node leads, and that listens in code there; commands go to whoever leads, and are answered when the spec says so. */
function follower() {
  const listeningState = new ListeningState('Watcher');
  const begin = [{ source: 'ann', after: 0 }];
  const data = JSON.stringify({ actor: 'Watcher', listener: `${IN_CODE}watch`, begin, end: [] });
  const metadata = JSON.stringify({ at: new Date(0).toISOString(), actor: 'Watcher' });
  listeningState.apply({ id: 'e', name: LISTENING_EVENT, data, metadata });
  const calls: { answer: () => void; fail: (error: unknown) => void }[] = [];
  let gone = () => {};
  const owner = {
    label: "Watcher 'w'",
    actorName: 'Watcher',
    id: 'w',
    alive: true,
    loaded: true,
    listens: [],
    listeningState,
    version: 1,
    settled: true,
    leads: false,
    mayRecord: false,
    onLeaderGone: (hear: () => void) => {
      gone = hear;
      return () => {};
    },
    run: () => new Promise<void>((resolve, reject) => calls.push({ answer: resolve, fail: reject })),
  } as unknown as ListeningOwner;
  const engine = new MemoryEngine();
  const parts = { engine, environment: SYSTEM, log: silent, ids: { next: () => 'id' }, clock: { now: () => 0 } };
  const listening = new ActorListening(owner, parts as unknown as RuntimeParts);
  return { listening, calls, leaderIsGone: () => gone() };
}

it('whoever hears that the leader is gone while a call is on its way to it calls the next one', async () => {
  const { listening, calls, leaderIsGone } = follower();
  listening.look();
  expect(calls.length).toBe(1);
  leaderIsGone();
  // The last words of the leader that is gone.
  calls[0]?.answer();
  await eventually(() => calls.length === 2);
  calls[1]?.answer();
  await new Promise((resolve) => SYSTEM.setImmediate(() => resolve(undefined)));
  listening.look();
  expect(calls.length).toBe(2);
  listening.stop();
});

it('a call that failed is made again', async () => {
  const { listening, calls } = follower();
  listening.look();
  calls[0]?.fail(new Error('nobody leads'));
  await eventually(() => calls.length === 2);
  listening.stop();
});
