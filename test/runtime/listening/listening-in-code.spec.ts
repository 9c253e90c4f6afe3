import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, type Listening, LiveActor, OneActor, type StoredEvent } from 'omniscient-nest';
import type { ActorClass } from '../../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import type { RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { Speaker } from '../../support/listeners.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PASSIVATE_AFTER_MS = 40;

interface WatcherEvents {
  noted: { word: string };
  begun: object;
}

/** Listens because a command said so. */
@Actor()
class Watcher extends LiveActor<object, WatcherEvents> {
  #listening: Listening | undefined;

  initialState() {
    return {};
  }

  @Command() watch(speaker: string, forMs = HOUR_MS, count = 100) {
    this.#listening = this.listenTo(speaker, (event) => this.note(event), { name: 'watch', forMs, count });
  }

  @Command() stopWatching() {
    this.#listening?.stop();
  }

  @Command() look() {}

  protected note({ data }: StoredEvent): void {
    this.fire('noted', data as { word: string });
  }
}

/** The same, led. */
@Actor()
class LedWatcher extends OneActor<object, WatcherEvents> {
  initialState() {
    return {};
  }

  @Command() watch(speaker: string) {
    this.listenTo(speaker, ({ data }) => this.fire('noted', data as { word: string }), { name: 'watch' });
  }
}

/** Listens for a while whenever it is loaded. */
@Actor({ ignores: ['begun'] })
class Sentry extends Watcher {
  override onActivate() {
    this.listenTo('ann', (event) => this.note(event), { name: 'guard', forMs: HOUR_MS });
  }
}

let cluster: MemoryCluster;
let nowMs: number;
const clock = { now: () => nowMs };
const noted = (id: string) => cluster.stored<{ word: string }>(id, 'noted').map(({ word }) => word);

beforeEach(() => {
  cluster = new MemoryCluster();
  nowMs = Date.parse('2026-01-01T00:00:00.000Z');
});
afterEach(() => cluster.stop());

async function begin(options: Partial<RuntimeOptions> = {}) {
  const warnings: string[] = [];
  const log = { warn: (message: string) => warnings.push(message), error: (message: string) => warnings.push(message) };
  const { node, actors } = await cluster.start({ clock, log, ...options });
  return { node, speakers: actors(Speaker), watchers: actors(Watcher), sentries: actors(Sentry), warnings };
}

/** Long enough that whoever may be let go is. */
const idling = () => sleep(5 * PASSIVATE_AFTER_MS);

describe('what listenTo began in a command', () => {
  it('keeps the actor loaded, and is heard, until it is stopped', async () => {
    const { node, speakers, watchers } = await begin({ passivateAfterMs: PASSIVATE_AFTER_MS });
    await (await watchers.get('w')).watch('ann');
    await idling();
    await (await speakers.get('ann')).say('after it was idle');
    await eventually(() => noted('w').length === 1);
    await (await watchers.get('w')).stopWatching();
    await eventually(() => node.residents === 0);
  });

  it('is heard where the actor is led', async () => {
    const [leading, other] = [await begin({ passivateAfterMs: PASSIVATE_AFTER_MS }), await begin()];
    await (
      await leading.node.register<LedWatcher>(defineActor(LedWatcher as ActorClass), () => new LedWatcher()).get('l')
    ).watch('ann');
    await idling();
    await (await other.speakers.get('ann')).say('after it was idle');
    await eventually(() => noted('l').length === 1);
  });

  it.each([
    ['it heard as often as it was to', HOUR_MS, 1],
    ['its time was over and somebody said something after that', 1_000, 100],
  ])('keeps it loaded no longer when %s', async (_, forMs, count) => {
    const { node, speakers, watchers } = await begin({ passivateAfterMs: PASSIVATE_AFTER_MS });
    await (await watchers.get('w')).watch('ann', forMs, count);
    await idling();
    expect(node.residents).toBe(1);
    const ann = await speakers.get('ann');
    await ann.say('in time');
    await eventually(() => noted('w').length === 1);
    nowMs += 1_000;
    await ann.say('late');
    await eventually(() => node.residents === 0);
    expect(noted('w')).toEqual(['in time']);
  });

  it('keeps it loaded no longer when its time has long been over and nobody says anything', async () => {
    const { node, watchers } = await begin({ passivateAfterMs: PASSIVATE_AFTER_MS });
    await (await watchers.get('w')).watch('ann', 1_000);
    nowMs += HOUR_MS;
    await eventually(() => node.residents === 0);
  });

  it('is named in the log by an activation that does not hear it, as long as it is not over', async () => {
    const first = await begin();
    await (await first.watchers.get('w')).watch('ann');
    await cluster.stop(first.node);
    const second = await begin();
    await (await second.watchers.get('w')).look();
    expect(second.warnings.join()).toContain(
      "Watcher 'w': listenTo() was called in a command of an earlier activation",
    );
    expect(second.warnings.join()).toContain("'watch' on stream 'ann'");
    await cluster.stop(second.node);
    nowMs += HOUR_MS;
    const third = await begin();
    await (await third.watchers.get('w')).look();
    expect(third.warnings).toEqual([]);
  });
});

describe('what listenTo began in onActivate', () => {
  it('neither keeps the actor loaded nor is told of in the log, and wakes it', async () => {
    const { node, speakers, sentries, warnings } = await begin({ passivateAfterMs: PASSIVATE_AFTER_MS });
    await (await sentries.get('s')).fire('begun', {});
    await eventually(() => node.residents === 0);
    await (await speakers.get('ann')).say('wake up');
    await eventually(() => noted('s').length === 1);
    await eventually(() => node.residents === 0);
    expect(warnings).toEqual([]);
  });
});

describe('forMs', () => {
  it('hears what was said in time while every node was down, however late it comes back, and nothing that was said later', async () => {
    const first = await begin();
    await (await first.sentries.get('s')).fire('begun', {});
    await eventually(() => cluster.stored('s', '$listening').length === 1);
    await cluster.stop(first.node);
    const other = await begin();
    const ann = await other.speakers.get('ann');
    nowMs += HOUR_MS - 1;
    await ann.say('in time');
    nowMs += 1;
    await ann.say('too late');
    nowMs += 24 * HOUR_MS;
    const again = await begin();
    await (await again.sentries.get('s')).look();
    await eventually(() => noted('s').length === 1);
    await ann.say('much too late');
    await (await again.sentries.get('s')).look();
    await sleep(50);
    expect(noted('s')).toEqual(['in time']);
  });

  it('of what a command began on a node that is gone, nothing is left a day after its time', async () => {
    const first = await begin();
    await (await first.watchers.get('w')).watch('ann', 1_000);
    await first.node.stop();
    const { watchers } = await begin();
    const watcher = await watchers.get('w');
    const ends = () => cluster.stored<{ over?: string[] }>('w', '$listening').flatMap(({ over }) => over ?? []);
    // Another node, whose clock is behind, may hear it still.
    nowMs += DAY_MS;
    await watcher.fire('begun', {});
    expect(ends()).toEqual([]);
    nowMs += 1_000;
    await eventually(async () => {
      await watcher.fire('begun', {});
      return ends().length > 0;
    });
    expect(ends()).toEqual(['ann']);
  });

  it('a command may begin anew what ended by its time', async () => {
    const { speakers, watchers } = await begin();
    const watcher = await watchers.get('w');
    const ann = await speakers.get('ann');
    await watcher.watch('ann', 1_000);
    await expect(watcher.watch('ann', 1_000)).rejects.toMatchObject({ code: 'ALREADY_LISTENING' });
    nowMs += 1_000;
    await ann.say('between');
    await watcher.watch('ann', 1_000);
    await ann.say('again');
    await eventually(() => noted('w').length === 1);
    expect(noted('w')).toEqual(['again']);
  });
});
