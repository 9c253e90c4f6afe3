import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, HandlerError, LiveActor, OneActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { Runtime, RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { startNode } from '../../support/runtime.js';

interface PurseEvents {
  taken: { n: number };
  torn: Record<string, never>;
}

let store: MemoryStore;
let running: Runtime[] = [];
/** What a command of a spec waits for in its middle. */
let middle: Promise<unknown>;

/** Takes in parts what is there. */
@Actor()
class Purse extends LiveActor<{ left: number }, PurseEvents> {
  initialState() {
    return { left: 10 };
  }

  @Command() take(n: number): void {
    this.fire('taken', { n });
  }

  @Command() async takeLater(n: number): Promise<string> {
    this.fire('taken', { n });
    await middle;
    await this.commit();
    return 'taken';
  }

  @Command({ onConflict: 'rerun' }) async takeIfThere(n: number): Promise<boolean> {
    if (this.state.left < n) return false;
    await middle;
    this.fire('taken', { n });
    await this.commit();
    return true;
  }

  @Command() async takeAndFail(n: number): Promise<void> {
    this.fire('taken', { n });
    await middle;
    throw new Error('no');
  }

  @Command({ onConflict: 'reject' }) async takeAlone(n: number): Promise<string> {
    this.fire('taken', { n });
    await middle;
    await this.commit().catch(() => {});
    return 'taken';
  }

  @EventHandler() taken({ n }: PurseEvents['taken']): void {
    if (this.state.left < n) throw new Error('not enough');
    this.state.left -= n;
  }

  @EventHandler() torn(): void {
    throw new Error('torn');
  }
}

@Actor()
class Desk extends OneActor<{ sold: number }, { sold: Record<string, never> }> {
  initialState() {
    return { sold: 0 };
  }

  @Command() open(): void {}

  @Command() async sell(): Promise<string> {
    const mine = middle;
    middle = Promise.resolve();
    await mine;
    this.fire('sold');
    await this.commit();
    return 'sold';
  }

  @EventHandler() sold(): void {
    this.state.sold += 1;
  }
}

beforeEach(() => {
  store = new MemoryStore();
  middle = Promise.resolve();
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

async function start<A extends Purse | Desk>(actorClass: new () => A, options: Partial<RuntimeOptions> = {}) {
  const { node, actors } = await startNode<A>(actorClass, { engine: new MemoryEngine({ store }), ...options });
  running.push(node);
  return actors;
}

/** Something to wait for until it is let go. */
function hold(): () => void {
  let release = () => {};
  middle = new Promise<void>((resolve) => {
    release = resolve;
  });
  return () => release();
}

/** A purse on two nodes. */
async function twoPurses() {
  const [here, there] = [await start(Purse, { nodeId: 'here' }), await start(Purse, { nodeId: 'there' })];
  return { here: await here.get('p'), there: await there.get('p') };
}

const takenBy = () =>
  (store.streams.get('p') ?? []).map(({ metadata }) => (JSON.parse(metadata).firedBy as { nodeId: string }).nodeId);

describe('a command that stores its events in parts', () => {
  it('decides anew when it was overtaken before its first part', async () => {
    const { here, there } = await twoPurses();
    const release = hold();
    const taking = here.takeIfThere(10);
    await there.take(10);
    await eventually(() => here.version === 1);
    release();
    expect(await taking).toBe(false);
    expect(takenBy()).toEqual(['there']);
    expect(here.state.left).toBe(0);
  });

  it('fails when it was overtaken and must not be, whatever its method makes of that', async () => {
    const { here, there } = await twoPurses();
    const release = hold();
    const taking = here.takeAlone(5);
    await there.take(1);
    await eventually(() => here.version === 1);
    release();
    await expect(taking).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(takenBy()).toEqual(['there']);
    expect(here.state.left).toBe(9);
  });

  it('is not told that events are stored which no longer apply', async () => {
    const { here, there } = await twoPurses();
    const release = hold();
    const taking = here.takeLater(10);
    await there.take(10);
    await eventually(() => here.version === 1);
    release();
    await expect(taking).rejects.toThrow(HandlerError);
    expect(takenBy()).toEqual(['there']);
  });

  it('stores nothing more when another node has become the leader', async () => {
    const times = { leaderTimeoutMs: 200, heartbeatTimeoutMs: 1_000 };
    const [a, b] = [await start(Desk, { nodeId: 'a', ...times }), await start(Desk, { nodeId: 'b', ...times })];
    const [here, there] = [await a.get('p'), await b.get('p')];
    await here.open();
    await there.open();
    const release = hold();
    expect(await there.sell()).toBe('sold');
    release();
    await sleep(100);
    const sold = (store.streams.get('p') ?? []).filter(({ name }) => name === 'sold');
    expect(sold.map(({ metadata }) => JSON.parse(metadata).firedBy.nodeId)).toEqual(['b']);
  });

  it('ends when its actor breaks meanwhile', async () => {
    const purses = await start(Purse);
    const purse = await purses.get('p');
    const release = hold();
    const taking = purse.takeLater(1);
    taking.catch(() => {});
    const other = new MemoryEngine({ store });
    await other.open();
    const torn = { id: 'torn', name: 'torn', data: '{}', metadata: '{}' };
    await other.append({ streamId: 'p', expectedVersion: 0, events: [torn] });
    await sleep(20);
    release();
    await expect(taking).rejects.toThrow(HandlerError);
    expect(store.streams.get('p')).toHaveLength(1);
  });
});

describe('a state that is looked at while a command runs', () => {
  it.each(['others come in between', 'nobody else does'])(
    'does not stay at what a command fired that failed, if %s',
    async (who) => {
      const [purses, others] = [await start(Purse, { nodeId: 'here' }), await start(Purse, { nodeId: 'there' })];
      const [here, there] = [await purses.get('p'), await others.get('p')];
      const seen: number[] = [];
      const release = hold();
      const failing = here.takeAndFail(4);
      const watching = purses.state$('p').subscribe(({ left }) => void seen.push(left));
      await eventually(() => seen.length > 0);
      if (who === 'others come in between') {
        await there.take(1);
        await eventually(() => here.version === 1);
      }
      release();
      await expect(failing).rejects.toThrow('no');
      expect(seen.at(-1)).toBe(here.state.left);
      watching.unsubscribe();
    },
  );
});
