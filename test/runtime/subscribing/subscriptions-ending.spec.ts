import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EventHandler, Projection, type ProjectionProgress, type StoredEvent } from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import { type Observable, timeout } from 'rxjs';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { Speaker } from '../../support/listeners.js';
import { patientMs } from '../../support/machine-speed.js';
import { startNode } from '../../support/runtime.js';

/** What ought to end at once has so long. Milliseconds. */
const ENDS_WITHIN_MS = 3_000;

/** Memory that can be told what to answer to those who read the whole store, and checkpoints, and when. */
class MoodyEngine extends MemoryEngine {
  error: Error | undefined;
  refusals = 0;
  /** Reads wait for this. */
  held: Promise<void> | undefined;
  holding = 0;

  override async readAll(...args: Parameters<MemoryEngine['readAll']>) {
    if (this.error) throw this.error;
    await this.#hold();
    return super.readAll(...args);
  }

  override async readStream(...args: Parameters<MemoryEngine['readStream']>) {
    await this.#hold();
    return super.readStream(...args);
  }

  async #hold(): Promise<void> {
    this.holding += 1;
    await this.held;
  }

  override async loadCheckpoint(name: string) {
    if (this.error) {
      this.refusals += 1;
      throw this.error;
    }
    return super.loadCheckpoint(name);
  }
}

@Projection()
class Words {
  @EventHandler() said() {}
}

let running: Runtime[] = [];
afterEach(async () => {
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

async function start() {
  const engine = new MoodyEngine();
  const { node, actors } = await startNode(Speaker, { engine, heartbeatTimeoutMs: 300 });
  running.push(node);
  node.projections.add(Words, new Words());
  await node.begin();
  return { node, engine, actors, say: async (word: string) => (await actors.get('speaker')).say(word) };
}

/** All that it gave once it has completed. */
function whole<T>(events: Observable<T>): Promise<T[]> {
  return new Promise((resolve, reject) => {
    const values: T[] = [];
    const endsInTime = timeout<T, Observable<never>>({ each: ENDS_WITHIN_MS });
    events
      .pipe(endsInTime)
      .subscribe({ next: (value) => values.push(value), complete: () => resolve(values), error: reject });
  });
}

async function readAll(events: AsyncIterable<StoredEvent>): Promise<StoredEvent[]> {
  const read: StoredEvent[] = [];
  for await (const event of events) read.push(event);
  return read;
}

describe('when the node shuts down', () => {
  it('what is opened after the others were completed ends at once, for a browser connects again', async () => {
    const { node, actors, say } = await start();
    await say('before');
    await node.drain();
    const { subscriptions, projections } = node;
    const opened = [subscriptions.all$(), subscriptions.named$(['said']), subscriptions.stream$('speaker')];
    expect(await Promise.all(opened.map((events) => whole(events)))).toEqual([[], [], []]);
    const late = sleep(patientMs(ENDS_WITHIN_MS), 'still open', { ref: false });
    for (const events of opened) expect(await Promise.race([readAll(events), late])).toEqual([]);
    expect(await whole(projections.progress$(Words))).toEqual([]);
    expect(await whole(actors.state$('speaker'))).toEqual([]);
    expect(subscriptions.size).toBe(0);
  });

  it('what reads at that moment ends too, and no error of an engine that is closed by then comes to anybody', async () => {
    const { node, engine, actors, say } = await start();
    await say('before');
    const state = whole(actors.state$('speaker'));
    let release = () => {};
    engine.held = new Promise((resolve) => {
      release = resolve;
    });
    engine.holding = 0;
    const { subscriptions } = node;
    const opened = () => [subscriptions.all$(), subscriptions.named$(['said']), subscriptions.stream$('speaker')];
    const ends = [...opened().map((events) => whole(events)), ...opened().map((events) => readAll(events))];
    const fates = Promise.all(ends.map((end) => end.catch((error: unknown) => error)));
    // Those that are the same for everybody are read once.
    await eventually(() => engine.holding >= 6);
    await node.stop();
    release();
    const late = sleep(patientMs(ENDS_WITHIN_MS), 'still open', { ref: false });
    expect(await Promise.race([fates, late])).toEqual([[], [], [], [], [], []]);
    expect(await Promise.race([state, late])).toHaveLength(1);
    expect(subscriptions.size).toBe(0);
  });

  it('progress$ completes', async () => {
    const { node } = await start();
    const watched = whole(node.projections.progress$(Words));
    await node.projections.progress(Words);
    await node.drain();
    expect(((await watched)[0] as ProjectionProgress).name).toBe('Words');
  });
});

describe('when the engine fails', () => {
  it('a reader whose loop ends with an error leaves nothing open', async () => {
    const { node, engine, say } = await start();
    await say('something');
    engine.error = new EngineError('EVENT_UNREADABLE', 'broken', { retryable: false });
    const reader = node.subscriptions.all$()[Symbol.asyncIterator]();
    await expect(reader.next()).rejects.toMatchObject({ code: 'EVENT_UNREADABLE' });
    expect(node.subscriptions.size).toBe(0);
    engine.error = undefined;
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it('progress$ outlives an outage that passes, and ends with an error that stays', async () => {
    const { node, engine, say } = await start();
    const seen: ProjectionProgress[] = [];
    let error: unknown;
    const subscription = node.projections.progress$(Words).subscribe({
      next: (progress) => seen.push(progress),
      error: (reason: unknown) => {
        error = reason;
      },
    });
    await eventually(() => seen.length > 0);
    const before = seen.length;
    engine.error = new EngineError('ENGINE_UNAVAILABLE', 'out in the rain', { retryable: true });
    await eventually(() => engine.refusals > 2 || error !== undefined);
    engine.error = undefined;
    await say('after the rain');
    await eventually(() => seen.length > before || error !== undefined);
    expect(error).toBeUndefined();
    expect(seen.at(-1)?.lastPosition).toBeGreaterThan(seen[0]?.lastPosition as number);

    engine.error = new EngineError('EVENT_UNREADABLE', 'broken', { retryable: false });
    await eventually(() => error !== undefined);
    expect(error).toMatchObject({ code: 'EVENT_UNREADABLE' });
    engine.error = undefined;
    subscription.unsubscribe();
  });
});
