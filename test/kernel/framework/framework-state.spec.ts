import { describe, expect, it } from '@jest/globals';
import { ENDED_SOURCES_MAX } from '../../../lib/kernel/framework/ended-sources.js';
import { FrameworkState } from '../../../lib/kernel/framework/framework-events.js';
import { heardText } from '../../../lib/kernel/framework/heard-note.js';
import { ADOPTED_MAX, type HeardData, LEFT_SOURCES_MAX } from '../../../lib/kernel/framework/listening-state.js';
import { ONCE_KEYS_MAX } from '../../../lib/kernel/framework/once-answers.js';
import type { NewEvent } from '../../../lib/kernel/values/event.js';
import { randomFrom, seedFor } from '../../support/seed.js';

const ACTOR = 'Listener';

/** Events such as the framework stores, of this class and another, in an order that no program would give them. */
class Course {
  readonly events: NewEvent[] = [];
  readonly #random: () => number;
  readonly #sources: number;

  constructor(random: () => number, sources: number) {
    this.#random = random;
    this.#sources = sources;
  }

  add(): void {
    const kinds = [
      () => this.#listening(),
      () => this.#listening(),
      () => this.#heard(),
      () => this.#heard(),
      () => this.#own('noted', {}, { heard: [this.#listener(), this.#source(), this.#count(50)] }),
      () =>
        this.#own('$parked', {
          ...this.#place(),
          id: this.#name('p', this.#sources),
          ...(this.#is(0.3) && { adopted: true }),
        }),
      () => this.#own('$unparked', { id: this.#name('p', this.#sources), outcome: 'retried' }),
      () =>
        this.#own('$answered', {
          key: this.#name('k', this.#sources),
          command: 'pay',
          ...(this.#is(0.8) && { answer: this.#count(9) }),
        }),
      () => this.#own('$answered', { answer: 1 }),
      () => this.#own('$leader', { nodeId: this.#is(0.3) ? null : this.#name('n', 3), term: this.#count(20) }),
      () => this.#own('$ticking', this.#is(0.4) ? { everyMs: null } : { everyMs: 10, count: this.#is(0.5) ? 3 : null }),
      () => this.#own('tick', { n: this.#count(4), missed: 0 }),
      () => this.#own('$partly', {}),
      () => this.#own('noted', { what: 'ever' }),
    ];
    this.events.push((kinds[this.#count(kinds.length)] as () => NewEvent)());
  }

  endMany(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const begin = [{ source: `early${i}`, after: 0 }];
      this.events.push(this.#own('$listening', { actor: ACTOR, listener: 'listenTo:a', begin, end: [], over: [] }));
      const over = [`early${i}`];
      this.events.push(this.#own('$listening', { actor: ACTOR, listener: 'listenTo:a', begin: [], end: [], over }));
    }
  }

  #listening(): NewEvent {
    const listener = this.#listener();
    const some = (share: number) => Array.from({ length: 2 }, () => this.#source()).filter(() => this.#is(share));
    const limits = () => ({
      ...(this.#is(0.4) && { count: 1 + this.#count(2) }),
      ...(this.#is(0.2) && { forMs: 1_000 }),
    });
    const begin = some(0.6).map((source) => ({ source, after: this.#count(9), ...limits() }));
    const over = listener.startsWith('listenTo:') && this.#is(0.3) ? { over: some(0.5) } : {};
    return this.#own('$listening', { listener, begin, end: some(0.3), ...over });
  }

  #heard(): NewEvent {
    return this.#own('$heard', this.#place());
  }

  #place() {
    return { listener: this.#listener(), source: this.#source(), at: this.#count(50) };
  }

  #own(name: string, data: object, more: object = {}): NewEvent {
    const actor = this.#is(0.9) ? ACTOR : 'Other';
    const n = this.events.length;
    const metadata = {
      at: new Date(n).toISOString(),
      actor,
      firedBy: { nodeId: this.#name('n', 3) },
      correlationId: `c${n}`,
    };
    return {
      id: `e${n}`,
      name,
      data: JSON.stringify({ actor, ...data }),
      metadata: JSON.stringify({ ...metadata, ...more }),
    };
  }

  #listener(): string {
    return ['onSaid', 'onName', 'listenTo:a', 'listenTo:b'][this.#count(4)] as string;
  }

  #source(): string {
    return this.#is(0.1) ? '' : this.#name('s', this.#sources);
  }

  #name(prefix: string, count: number): string {
    return `${prefix}${this.#count(count)}`;
  }

  #count(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #is(share: number): boolean {
    return this.#random() < share;
  }
}

function stateOf(events: readonly NewEvent[], snapshot?: string): FrameworkState {
  const state = new FrameworkState(ACTOR);
  if (snapshot !== undefined) state.restore(JSON.parse(snapshot) ?? {});
  state.applyAll(events);
  return state;
}

const textOf = (state: FrameworkState) => JSON.stringify(state.toJSON() ?? null);

/** Loads a snapshot at each of these places, one after the other, and looks at things as an activation does. */
function inParts(events: readonly NewEvent[], places: readonly number[]): string {
  let snapshot: string | undefined;
  let from = 0;
  for (const to of [...places, events.length]) {
    const state = stateOf(events.slice(from, to), snapshot);
    state.listeningState.heardAt('onSaid', 's1');
    state.once.get('k1');
    snapshot = textOf(state);
    from = to;
  }
  return snapshot as string;
}

describe("what the framework's events say", () => {
  it('is the same to the letter for whoever folds all and whoever goes on from snapshots', () => {
    const seed = seedFor('framework-state');
    for (let round = 0; round < 200; round += 1) {
      const random = randomFrom(seed + round);
      const course = new Course(random, 1 + Math.floor(random() * 30));
      for (let i = 0; i < 120; i += 1) course.add();
      const whole = textOf(stateOf(course.events));
      const places = Array.from({ length: 3 }, () => Math.floor(random() * 121)).sort((a, b) => a - b);
      expect({ round, text: inParts(course.events, places) }).toEqual({ round, text: whole });
    }
  });

  it('is the same where more sources were left, ended, parked and answered than are remembered', () => {
    const random = randomFrom(seedFor('framework-state, full'));
    const course = new Course(random, 2_000);
    course.endMany(ENDED_SOURCES_MAX + 100);
    for (let i = 0; i < 30_000; i += 1) course.add();
    const whole = stateOf(course.events);
    const places = Array.from({ length: 20 }, () => Math.floor(random() * course.events.length)).sort((a, b) => a - b);
    expect(inParts(course.events, places)).toBe(textOf(whole));
    // One that is begun anew is taken out again.
    expect(whole.listeningState.ended.size).toBeLessThanOrEqual(ENDED_SOURCES_MAX);
    expect(whole.listeningState.ended.size).toBeGreaterThan(ENDED_SOURCES_MAX / 2);
    const left = [...whole.listeningState.sources.values()].filter(
      ({ source, sinceMs }) => source && sinceMs === undefined,
    );
    expect(left.length).toBeLessThanOrEqual(LEFT_SOURCES_MAX);
    expect(left.length).toBeGreaterThan(LEFT_SOURCES_MAX / 2);
    expect(whole.listeningState.adopted.size).toBeLessThanOrEqual(ADOPTED_MAX);
    expect(whole.once.toJSON()?.length).toBeLessThanOrEqual(ONCE_KEYS_MAX);
  });

  it('is the same whether a reaction was noted in an event of its own, as in older streams, or in what it fired', () => {
    const random = randomFrom(seedFor('framework-state, notes'));
    const course = new Course(random, 20);
    for (let i = 0; i < 500; i += 1) course.add();
    const inMetadata = course.events.map((event) => {
      if (event.name !== '$heard') return event;
      const { actor, listener, source, at } = JSON.parse(event.data) as HeardData;
      const metadata = `${event.metadata.slice(0, -1)}${heardText({ listener, source, at })}}`.replace(ACTOR, actor);
      return { ...event, name: 'noted', data: '{}', metadata: metadata.replace('"Other"', JSON.stringify(actor)) };
    });
    expect(inMetadata.filter(({ name }) => name === 'noted').length).toBeGreaterThan(50);
    expect(textOf(stateOf(inMetadata))).toBe(textOf(stateOf(course.events)));
  });

  it('is nothing where there was nothing, whoever looked', () => {
    const state = stateOf([]);
    state.listeningState.heardAt('onSaid', 's1');
    state.once.get('k1');
    expect(state.toJSON()).toBeUndefined();
  });
});
