import { sleep, TimeSlice } from '../../engine/environment/index.js';
import { EventPull } from '../../engine/reading/index.js';
import type { ListenDefinition } from '../../kernel/defining/index.js';
import { ALL_STREAMS } from '../../kernel/framework/index.js';
import { type EventRecord, OmniscientError } from '../../kernel/values/index.js';
import { LowWatermark, SavedCheckpoint } from '../delivery/index.js';
import { decodeEvent, todaysEvent } from '../events/index.js';
import type { LeaderElection } from '../leading/index.js';
import { concernedBy, type Delivery } from '../listening/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { DeliveryQueue, type DeliveryQueueOwner } from './delivery-queue.js';
import { type DispatcherCheckpoint, NO_CHECKPOINT, takenOver, withBegun } from './dispatcher-checkpoint.js';
import type { DispatcherOwner } from './dispatcher-owner.js';
import { Undelivered, undeliveredKey } from './undelivered.js';

/**
 * Delivers events to the actors of one class that they concern. It runs on one elected node, from a checkpoint, so
 * nothing is missed while every node is down. Two nodes that both believe that they lead do no harm, because each actor
 * records how far it has heard. One actor gets its events in order; many actors get theirs at the same time.
 */
export class Dispatcher {
  readonly name: string;
  /** Events that could be delivered to no actor. */
  readonly undelivered: Undelivered;
  readonly #owner: DispatcherOwner;
  readonly #parts: RuntimeParts;
  readonly #routed: readonly RoutedListener[];
  #resign: (() => Promise<void>) | undefined;
  /** Only while this node leads. */
  #current: Work | undefined;

  constructor(owner: DispatcherOwner, parts: RuntimeParts) {
    this.#owner = owner;
    this.#parts = parts;
    this.name = `$listen-${owner.actorName}`;
    this.#routed = owner.listens.filter((each): each is RoutedListener => each.to !== undefined);
    this.undelivered = new Undelivered(this.name, owner, parts);
  }

  /**
   * Records where each listener begins, unless that was done before. Listeners get every event that is fired after
   * this.
   *
   * @throws OmniscientError (`LISTENING_NOT_BEGUN`), EngineError.
   */
  async prepare(): Promise<void> {
    for (let tries = 1; tries <= PREPARE_TRIES_MAX; tries += 1) {
      const checkpoint = await this.#open();
      const checkpointValue = await this.#begun(checkpoint);
      if (!checkpointValue || (await checkpoint.save(checkpointValue))) return;
    }
    throw new OmniscientError(
      'LISTENING_NOT_BEGUN',
      `${this.#owner.actorName}: the checkpoint where its listeners begin could not be stored in ${PREPARE_TRIES_MAX} tries, ` +
        'because other nodes changed it each time: try again',
      { retryable: true },
    );
  }

  /** The checkpoint once every listener has begun; `undefined` if they all have. */
  async #begun({ value, isNew }: SavedCheckpoint<DispatcherCheckpoint>): Promise<DispatcherCheckpoint | undefined> {
    const since = value.since ?? {};
    const added = this.#routed.filter(({ name }) => since[name] === undefined);
    if (added.length === 0) return undefined;
    const last = await this.#parts.engine.lastPosition();
    const beginning = added.map(({ name, from }) => ({ name, after: from ?? last }));
    return withBegun(value, isNew, beginning, last);
  }

  start(election: LeaderElection): void {
    this.#resign = election.standFor(this.name, (signal) => this.#work(signal));
  }

  /** Whether an event is not handled yet, as far as this node knows. It is always true while another node leads. */
  get behind(): boolean {
    const work = this.#current;
    return !work || work.over || work.watermark.size > 0 || work.pull.isBehind;
  }

  /** The position up to which everything is done, according to the stored checkpoint. */
  async position(): Promise<number> {
    return (await this.#open()).value.position;
  }

  async stop(): Promise<void> {
    await this.#resign?.();
  }

  #open(): Promise<SavedCheckpoint<DispatcherCheckpoint>> {
    return SavedCheckpoint.open(this.#parts, this.name, NO_CHECKPOINT);
  }

  /**
   * Whenever somebody else has written the checkpoint (a former leader, or this node without getting an answer), it
   * starts again from that one.
   */
  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const checkpoint = await SavedCheckpoint.claim(this.#parts, this.name, NO_CHECKPOINT);
      if (checkpoint && !signal.aborted) await this.#workFrom(checkpoint, signal);
    }
  }

  async #workFrom(checkpoint: SavedCheckpoint<DispatcherCheckpoint>, signal: AbortSignal): Promise<void> {
    const checkpointValue = takenOver(checkpoint.value, new Set(this.#routed.map(({ name }) => name)));
    const undelivered = await this.undelivered.after(checkpointValue.position);
    const pull = this.#pullFrom(checkpointValue.position);
    const { since, behind } = checkpointValue;
    const watermark = new LowWatermark(checkpointValue.position);
    const work: Work = { since, behind, watermark, undelivered, queues: new Map(), pull, over: signal.aborted };
    this.#current = work;
    const stop = () => {
      work.over = true;
      pull.stop();
      for (const queue of work.queues.values()) queue.stop();
    };
    signal.addEventListener('abort', stop);
    try {
      checkpoint.keep(() => checkpointOf(work), stop);
      while (!work.over) {
        const page = (await pull.next()) ?? [];
        const slice = new TimeSlice(this.#parts.environment);
        for (const record of page) {
          if (slice.isUsedUp) await slice.turn();
          if (!work.over) await this.#dispatch(record, work);
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
      await checkpoint.close(checkpointOf(work));
    }
  }

  #pullFrom(position: number): EventPull {
    const { engine, log, environment } = this.#parts;
    const names = [...new Set(this.#routed.flatMap(({ events }) => [...(events ?? [])]))];
    const what = `${this.#owner.actorName}: the events that it listens to could not be read; reading is retried`;
    return new EventPull(engine, { names }, position, (error) => log.warn(what, error), environment);
  }

  async #dispatch(record: EventRecord, work: Work): Promise<void> {
    const concerned = this.#routed.filter(({ name, events }) => {
      return events?.has(record.name) && record.position > (work.since[name] ?? 0);
    });
    const done = work.watermark.begin(record.position, concerned.length);
    for (const listen of concerned) {
      const delivery = deliveryOf(listen, record);
      const route = work.undelivered.has(undeliveredKey(delivery)) ? undefined : this.#route(listen, record);
      if (!route) done();
      else this.#queueFor(listen, route.id, work).add({ delivery, done, undeliverable: route.undeliverable });
    }
    while (work.watermark.size >= UNDER_WAY_MAX && !work.over) await sleep(this.#parts.environment, 1);
  }

  /**
   * The actor that an event concerns; `undefined` if `to` says none. An error of `to`, or an invalid id, would occur
   * again on each retry, because `to` is pure.
   */
  #route(listen: RoutedListener, record: EventRecord): { id: string; undeliverable?: { error: unknown } } | undefined {
    try {
      const id = concernedBy(listen, todaysEvent(this.#owner.upcasts, decodeEvent(record)));
      if (id === undefined) return undefined;
      this.#owner.checkId(id);
      return { id };
    } catch (error) {
      return { id: '', undeliverable: { error } };
    }
  }

  #queueFor(listen: RoutedListener, id: string, { queues }: Work): DeliveryQueue {
    const key = `${listen.name}\0${id}`;
    const queue = queues.get(key) ?? this.#newQueue(listen, id, () => queues.delete(key));
    queues.set(key, queue);
    return queue;
  }

  #newQueue(listen: RoutedListener, id: string, ended: () => void): DeliveryQueue {
    return new DeliveryQueue(this.#queueOwner(listen, id, ended), this.#parts.environment);
  }

  #queueOwner(listen: RoutedListener, id: string, ended: () => void): DeliveryQueueOwner {
    const { log, limits } = this.#parts;
    const where = `${this.#owner.actorName} '${id}': '${listen.name}'`;
    return {
      triesMax: limits.reactionTriesMax,
      onFailure: listen.onFailure,
      reactions: async () => (await this.#owner.load(id)).reactions,
      failed: ({ record }, error) => log.warn(`${where} failed on '${record.name}'`, error),
      broke: (error) => log.error(`${where}: an event could not be delivered; it is retried`, error),
      parkElsewhere: (delivery, error, attempts) => this.undelivered.park(delivery, id, error, attempts),
      ended,
    };
  }
}

/** How many events may be under way to their actors. */
const UNDER_WAY_MAX = 1_000;

/** How often recording where listening begins is tried when others write at the same time. */
const PREPARE_TRIES_MAX = 100;

/** The work from one opening of the checkpoint to the next. */
interface Work {
  readonly since: Required<DispatcherCheckpoint>['since'];
  readonly behind: Required<DispatcherCheckpoint>['behind'];
  readonly watermark: LowWatermark;
  /** What was parked as undelivered before that. */
  readonly undelivered: ReadonlySet<string>;
  /** Deliveries under way, by actor and listener. */
  readonly queues: Map<string, DeliveryQueue>;
  readonly pull: EventPull;
  over: boolean;
}

type RoutedListener = ListenDefinition & { readonly to: NonNullable<ListenDefinition['to']> };

function deliveryOf({ name }: RoutedListener, record: EventRecord): Delivery {
  return { listener: name, source: ALL_STREAMS, at: record.position, record };
}

/** The checkpoint, including events that concern no listener. */
function checkpointOf({ watermark, since, behind, pull }: Work): DispatcherCheckpoint {
  const position = watermark.size > 0 ? watermark.done : Math.max(watermark.done, pull.caughtUpTo);
  return { position, since, ...(Object.keys(behind).length > 0 && { behind }) };
}
