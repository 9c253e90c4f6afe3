import { READ_PAGE_EVENTS_MAX } from '../../engine/duties/index.js';
import { MemoryEngine } from '../../engines/memory/index.js';
import type { ActorBase, ActorClass } from '../../kernel/declaring/index.js';
import { type ActorDefinition, defineActor } from '../../kernel/defining/index.js';
import { PARKED_EVENT, type ParkedData } from '../../kernel/framework/index.js';
import {
  assertJson,
  Clock,
  type EventRecord,
  FRAMEWORK_EVENT_PREFIX,
  Ids,
  type NewEvent,
  streamIdOf,
} from '../../kernel/values/index.js';
import { MetadataWriter } from '../../runtime/events/index.js';
import { Runtime } from '../../runtime/node/index.js';
import { EventSubscriptions } from '../../runtime/subscribing/index.js';
import { ChosenIds } from './chosen-ids.js';
import { ManualClock } from './manual-clock.js';
import { ManualTickTime } from './manual-tick-time.js';
import { Parts } from './parts.js';
import { SequentialIds } from './sequential-ids.js';
import type { LoadedSubject, Subject } from './subject.js';

/** One test's own node, store, clock and ids. */
export class World {
  readonly clock = new ManualClock();
  readonly tickTime = new ManualTickTime();
  id = DEFAULT_ID;
  readonly loaded = new Map<string, LoadedSubject>();
  readonly #plan: WorldPlan;
  readonly #engine = new MemoryEngine();
  readonly #runtime: Runtime;
  readonly #parts: Parts;
  #hasBegun = false;
  #givenAtMs: number | undefined;
  /** Position of the last event that a `Then` has compared. */
  #seenPosition = 0;
  /** Position up to which parked events were looked for. */
  #parkedPosition = 0;

  constructor(plan: WorldPlan) {
    this.#plan = plan;
    // The ids that actors get must not depend on how many ids the runtime takes.
    const ids = new SequentialIds(1);
    this.#runtime = new Runtime({
      engine: this.#engine,
      clock: this.clock,
      tickTime: this.tickTime,
      ids,
      nodeId: 'node-1',
      snapshotEvery: 0,
      shutdownTimeoutMs: SHUTDOWN_TIMEOUT_MS,
      reactionTriesMax: REACTION_TRIES_MAX,
      // Classes that the test does not use may share the stream.
      warnsOfUnknownEvents: false,
    });
    const own = new Map<unknown, unknown>([
      [Clock, this.clock],
      [Ids, plan.ids ? new ChosenIds(plan.ids) : new SequentialIds()],
      [EventSubscriptions, this.#runtime.subscriptions],
    ]);
    this.#parts = new Parts(new Map([...own, ...plan.parts]));
  }

  async start(): Promise<void> {
    await this.#runtime.start();
    for (const { actorClass } of this.#plan.steps) if (actorClass) this.#register(actorClass);
  }

  stop(): Promise<void> {
    return this.#runtime.stop();
  }

  /** To be called before time passes: the given events happened before that. */
  timePasses(): void {
    this.#givenAtMs ??= this.clock.now();
  }

  /** Returns the names of those that have work, or events to hear. */
  atWork(): string[] {
    return this.#runtime.atWork();
  }

  /**
   * Selects this class and the current id for the next steps. The class is checked, and the given events are stored.
   */
  async subject(actorClass: ActorClass): Promise<Subject> {
    const definition = defineActor(actorClass);
    this.#parts.assertComplete(actorClass);
    const subject = { definition, id: this.id, streamId: streamIdOf(definition.name, definition.prefix, this.id) };
    if (this.#hasBegun) return subject;
    this.#hasBegun = true;
    await this.#storeGiven(subject);
    // The given events are the past, so listeners begin after them.
    await this.#runtime.begin();
    return subject;
  }

  /** Loads the actor, if it is not loaded yet. @throws what loading throws. */
  async load(subject: Subject): Promise<LoadedSubject> {
    const { definition, id } = subject;
    const key = JSON.stringify([definition.name, id]);
    const known = this.loaded.get(key);
    if (known) return known;
    const repository = this.#runtime.register(definition, () => this.newActor(definition));
    const ref = await repository.get(id);
    const loaded = { ...subject, ref, loadedVersion: ref.version };
    this.loaded.set(key, loaded);
    return loaded;
  }

  /** Resolves to the deliveries parked since the last call. */
  async newlyParked(): Promise<ParkedData[]> {
    const events = await this.#allAfter(this.#parkedPosition);
    this.#parkedPosition = events.at(-1)?.position ?? this.#parkedPosition;
    return events.filter(({ name }) => name === PARKED_EVENT).map(({ data }) => JSON.parse(data) as ParkedData);
  }

  newActor(definition: ActorDefinition): AnyActor {
    return this.#parts.make(definition.actorClass);
  }

  /** Resolves to all events of a stream. */
  events(streamId: string): Promise<EventRecord[]> {
    return allPages(
      (after) => this.#engine.readStream(streamId, after, READ_PAGE_EVENTS_MAX),
      ({ version }) => version,
      0,
    );
  }

  /** Resolves to the actors' own events, of all streams, stored since the last call. */
  async newEvents(): Promise<EventRecord[]> {
    const events = await this.#allAfter(this.#seenPosition);
    this.#seenPosition = events.at(-1)?.position ?? this.#seenPosition;
    return events.filter(({ name }) => !name.startsWith(FRAMEWORK_EVENT_PREFIX));
  }

  /** Registers a class that a later step names. If something is wrong with it, that step fails. */
  #register(actorClass: ActorClass): void {
    try {
      const definition = defineActor(actorClass);
      this.#parts.assertComplete(actorClass);
      this.#runtime.register(definition, () => this.newActor(definition));
    } catch {
      // That step reports the error.
    }
  }

  #allAfter(position: number): Promise<EventRecord[]> {
    return allPages(
      async (after) => [...(await this.#engine.readAll(after, READ_PAGE_EVENTS_MAX)).events],
      (event) => event.position,
      position,
    );
  }

  async #storeGiven({ streamId, definition }: Subject): Promise<void> {
    const clock = new ManualClock(this.#givenAtMs ?? this.clock.now());
    const metadata = new MetadataWriter(clock, definition.name, 'given', 'given');
    const ids = new SequentialIds(2);
    const events = this.#plan.events.map(({ name, data = {} }): NewEvent => {
      const id = ids.next();
      const cause = { commandId: id, correlationId: id, causationId: null, chain: [] };
      return {
        id,
        name,
        data: assertJson(data, `the payload of the given event '${name}'`),
        metadata: metadata.write(cause),
      };
    });
    if (events.length > 0) await this.#engine.append({ streamId, expectedVersion: 0, events });
    await this.newEvents();
  }
}

type AnyActor = ActorBase<object, object>;

/** The id of the actors under test, unless `As` names another. */
export const DEFAULT_ID = 'actor-1';

/** A test has no time to wait, so a reaction that throws is parked at once, and fails the test. */
const REACTION_TRIES_MAX = 1;

/**
 * Longest that the shutdown waits. When a test ends, only what it started itself can still be running. Milliseconds.
 */
const SHUTDOWN_TIMEOUT_MS = 1_000;

/** What a plan says about its world. */
export interface WorldPlan {
  /** The actor's past. */
  readonly events: readonly { readonly name: string; readonly data?: unknown }[];
  /** Injected parts, by token. */
  readonly parts: ReadonlyMap<unknown, unknown>;
  /** The ids that injected `Ids` give, if the test chose them. */
  readonly ids: readonly string[] | undefined;
  /** The steps whose classes are known from the beginning. */
  readonly steps: readonly { readonly actorClass?: ActorClass | undefined }[];
}

async function allPages(
  read: (after: number) => Promise<EventRecord[]>,
  placeOf: (event: EventRecord) => number,
  after: number,
): Promise<EventRecord[]> {
  const events: EventRecord[] = [];
  for (;;) {
    const last = events.at(-1);
    const page = await read(last ? placeOf(last) : after);
    if (page.length === 0) return events;
    events.push(...page);
  }
}
