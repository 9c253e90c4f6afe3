import { setImmediate } from 'node:timers';
import { afterEach, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { SLICE_MS } from '../../../lib/engine/environment/time-slices.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { startNode } from '../../support/runtime.js';

/** How long each command takes. Milliseconds. */
const WORK_MS = 2;
const COMMANDS = 100;

function work(): void {
  const endMs = performance.now() + WORK_MS;
  while (performance.now() < endMs);
}

@Actor()
class Worker extends LiveActor<{ done: number[] }, { done: { n: number } }> {
  initialState() {
    return { done: [] as number[] };
  }

  @EventHandler() done({ n }: { n: number }) {
    this.state.done.push(n);
  }

  /** Others wait behind it. */
  @Command() async wait(until: Promise<void>) {
    await until;
  }

  @Command() work(n: number) {
    work();
    this.fire('done', { n });
  }

  /** Gives up its turn, but never for one of the event loop. */
  @Command() async workLater(n: number) {
    await null;
    work();
    this.fire('done', { n });
  }

  @Command() look() {
    work();
    return this.state.done.length;
  }
}

let node: Runtime;
let over = false;
afterEach(async () => {
  over = true;
  await node.stop();
});

it.each(['work', 'workLater', 'look'] as const)(
  'commands that have queued up leave timers and sockets their turn, in order: %s',
  async (command) => {
    const started = await startNode(Worker);
    node = started.node;
    const worker = await started.actors.get('one');
    let release = () => {};
    const first = worker.wait(
      new Promise<void>((resolve) => {
        release = resolve;
      }),
    );
    const all = Array.from({ length: COMMANDS }, (_, n) => worker[command](n) as Promise<unknown>);
    let turns = 0;
    over = false;
    const turn = () => {
      turns += 1;
      if (!over) setImmediate(turn);
    };
    setImmediate(turn);
    release();
    await Promise.all([first, ...all]);
    // A busy machine takes longer for each, so it has more turns.
    expect(turns).toBeGreaterThanOrEqual(Math.floor((COMMANDS * WORK_MS) / (SLICE_MS + WORK_MS)) - 1);
    if (command !== 'look') expect(worker.state.done).toEqual(Array.from({ length: COMMANDS }, (_, n) => n));
  },
);

it('what waits for its turn is refused at the end of the node, and nothing is left behind', async () => {
  const started = await startNode(Worker, { shutdownTimeoutMs: 1 });
  node = started.node;
  const worker = await started.actors.get('one');
  const all = Array.from({ length: COMMANDS }, (_, n) =>
    worker.workLater(n).then(
      () => 'done',
      () => 'failed',
    ),
  );
  await node.stop();
  const outcomes = await Promise.all(all);
  const done = outcomes.filter((outcome) => outcome === 'done').length;
  expect(outcomes.slice(done).every((outcome) => outcome === 'failed')).toBe(true);
});
