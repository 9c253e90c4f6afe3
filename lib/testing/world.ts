import { READ_PAGE_EVENTS_MAX } from '../engine/read.js';
import { MemoryEngine } from '../engines/memory/index.js';
import type { ActorBase, ActorClass } from '../kernel/actor.js';
import { Clock, Ids } from '../kernel/clock.js';
import { type ActorDefinition, defineActor } from '../kernel/definition.js';
import type { EventRecord, NewEvent } from '../kernel/event.js';
import { FRAMEWORK_EVENT_PREFIX } from '../kernel/event.js';
import { streamIdOf } from '../kernel/ids.js';
import { assertJson } from '../kernel/plain-data.js';
import type { ActorHandle } from '../runtime/actor-ref.js';
import { MetadataWriter } from '../runtime/event-codec.js';
import { Runtime } from '../runtime/runtime.js';
import { EventSubscriptions } from '../runtime/subscriptions.js';
import { ChosenIds } from './chosen-ids.js';
import { ManualClock } from './manual-clock.js';
import { Parts } from './parts.js';
import type { Plan } from './plan.js';
import { SequentialIds } from './sequential-ids.js';

type AnyActor = ActorBase<object, object>;

/** The id of the actors under test unless `As` says otherwise. */
export const DEFAULT_ID = 'actor-1';

/** Nothing but what the test started should be running when it ends, so this is long. Milliseconds. */
const SHUTDOWN_TIMEOUT_MS = 1_000;

/** An actor class and an id whose actor the test has seen. */
export interface Subject {
  readonly definition: ActorDefinition;
  readonly id: string;
  readonly streamId: string;
}

export interface LoadedSubject extends Subject {
  readonly ref: ActorHandle<AnyActor>;
  /** Its version when it was loaded. */
  readonly loadedVersion: number;
}

/** One test's own node, store, clock and ids. */
export class World {
  readonly clock = new ManualClock();
  id = DEFAULT_ID;
  readonly loaded = new Map<string, LoadedSubject>();
  readonly #plan: Plan;
  readonly #engine = new MemoryEngine();
  readonly #runtime: Runtime;
  readonly #parts: Parts;
  #givenIsStored = false;
  #givenAtMs: number | undefined;
  /** Position of the last event that a `Then` has looked at. */
  #seenPosition = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    // What the actors take must not depend on how many ids the runtime takes.
    const ids = new SequentialIds(1);
    this.#runtime = new Runtime({
      engine: this.#engine,
      clock: this.clock,
      ids,
      nodeId: 'node-1',
      snapshotEvery: 0,
      shutdownTimeoutMs: SHUTDOWN_TIMEOUT_MS,
      // Classes become known one by one, as the test names them.
      warnsOfUnknownEvents: false,
    });
    const own = new Map<unknown, unknown>([
      [Clock, this.clock],
      [Ids, plan.ids ? new ChosenIds(plan.ids) : new SequentialIds()],
      [EventSubscriptions, this.#runtime.subscriptions],
    ]);
    this.#parts = new Parts(new Map([...own, ...plan.parts]));
  }

  start(): Promise<void> {
    return this.#runtime.start();
  }

  stop(): Promise<void> {
    return this.#runtime.stop();
  }

  /** Lets time pass; the given events happened before that. */
  pass(ms: number): void {
    this.#givenAtMs ??= this.clock.now();
    this.clock.advance(ms);
  }

  /** What is said of this class and the present id from now on; checked, and with the given events stored. */
  async subject(actorClass: ActorClass): Promise<Subject> {
    const definition = defineActor(actorClass);
    this.#parts.assertComplete(actorClass);
    const subject = { definition, id: this.id, streamId: streamIdOf(definition.name, definition.prefix, this.id) };
    if (!this.#givenIsStored) await this.#storeGiven(subject);
    return subject;
  }

  /** Loads it, if it is not loaded yet. @throws what loading throws. */
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

  newActor(definition: ActorDefinition): AnyActor {
    return this.#parts.make(definition.actorClass);
  }

  /** All events of a stream. */
  events(streamId: string): Promise<EventRecord[]> {
    return allPages(
      (after) => this.#engine.readStream(streamId, after, READ_PAGE_EVENTS_MAX),
      ({ version }) => version,
      0,
    );
  }

  /** The actors' own events, of all streams, that were stored since this was last asked. */
  async newEvents(): Promise<EventRecord[]> {
    const events = await allPages(
      (after) => this.#engine.readAll(after, READ_PAGE_EVENTS_MAX),
      ({ position }) => position,
      this.#seenPosition,
    );
    this.#seenPosition = events.at(-1)?.position ?? this.#seenPosition;
    return events.filter(({ name }) => !name.startsWith(FRAMEWORK_EVENT_PREFIX));
  }

  async #storeGiven({ streamId, definition }: Subject): Promise<void> {
    this.#givenIsStored = true;
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
