import {
  type HeardSource,
  IN_CODE,
  LISTENING_EVENT,
  type ListeningData,
  listenerKey,
  PARKED_EVENT,
  type ParkedData,
  UNPARKED_EVENT,
  type UnparkedData,
} from '../../kernel/framework/index.js';
import type { NewEvent } from '../../kernel/values/index.js';
import { type Delivery, firedAtMs, placeFinder } from './delivery.js';
import type { Listener } from './listener.js';
import type { ListeningOwner } from './listening-owner.js';

/** What an actor listens to and how far it has heard, from stored and from pending events. */
export class ListeningStatus {
  readonly #owner: ListeningOwner;
  readonly #listeners: Listeners;

  constructor(owner: ListeningOwner, listeners: Listeners) {
    this.#owner = owner;
    this.#listeners = listeners;
  }

  /** How far the source was heard, by stored and pending events. */
  appliedAt(listener: string, source: string): number {
    const stored = this.#owner.listeningState.heardAt(listener, source);
    const placeIn = placeFinder(this.#owner.actorName, listener, source);
    let place: number | undefined;
    this.#owner.findPending((event) => {
      place = placeIn(event);
      return place !== undefined;
    });
    return Math.max(stored, place ?? 0);
  }

  /** Whether it has reached its count, or was stopped. */
  isOver({ name, count }: Listener, source: string): boolean {
    const key = listenerKey(name, source);
    const heard = this.#listeners.known(key);
    if (!heard) return this.#owner.listeningState.ended.has(key);
    return count !== undefined && heard.count >= count;
  }

  /** Whether its time was over at this moment. Events that were fired before are handled, however late. */
  isLate({ name, forMs }: Listener, source: string, atMs: number): boolean {
    const sinceMs = forMs === undefined ? undefined : this.#listeners.known(listenerKey(name, source))?.sinceMs;
    return sinceMs !== undefined && atMs >= sinceMs + (forMs as number);
  }

  /** Whether a stored or pending event records that it listens to this. */
  isRecorded({ listener, source }: Pick<Delivery, 'listener' | 'source'>): boolean {
    const isStored = this.#owner.listeningState.sources.get(listenerKey(listener, source))?.sinceMs !== undefined;
    return isStored || this.#listeners.isRecorded(listener, source);
  }

  /** Whether this was taken over from a dispatcher. */
  hasAdopted(id: string): boolean {
    const isComing = ({ name, data }: NewEvent) => name === PARKED_EVENT && (JSON.parse(data) as ParkedData).id === id;
    return this.#owner.listeningState.adopted.has(id) || this.#owner.findPending(isComing) !== undefined;
  }

  /** Whether this is parked, and no pending event removes it. */
  isParked(id: string): boolean {
    const isGoing = ({ name, data }: NewEvent) =>
      name === UNPARKED_EVENT && (JSON.parse(data) as UnparkedData).id === id;
    return this.#owner.listeningState.parked.has(id) && !this.#owner.findPending(isGoing);
  }

  /** Whether it still listens, by stored and pending events. */
  wants(listener: Listener, delivery: Delivery): boolean {
    const { source } = delivery;
    if (!listener.wants(this.#owner.view, source) || this.isOver(listener, source)) return false;
    if (listener.forMs !== undefined && this.isLate(listener, source, firedAtMs(delivery))) return false;
    // Only listeners that code started are ended by code.
    if (!listener.isInCode) return true;
    if (this.hasEnded(listener.name, source)) return false;
    const isEnding = ({ name, data }: NewEvent) => {
      if (name !== LISTENING_EVENT) return false;
      const change = JSON.parse(data) as ListeningData;
      const isOurs = change.actor === this.#owner.actorName && change.listener === listener.name;
      return isOurs && (change.over ?? []).includes(source);
    };
    return !this.#owner.findPending(isEnding);
  }

  /** Whether code listened to it and does so no more. How far it was heard need not be known then. */
  hasEnded(listener: string, source: string): boolean {
    const heard = this.#listeners.known(listenerKey(listener, source));
    return listener.startsWith(IN_CODE) && heard?.sinceMs === undefined;
  }
}

/** What reactions need to know about the actor's listeners. */
export interface Listeners {
  /** The listener with that name on that source. */
  find(name: string, source: string): Listener | undefined;
  /** By `listenerKey`: how far it was heard, and since when. */
  known(key: string): HeardSource | undefined;
  /**
   * Whether a stored or pending event records that it listens to this. An actor without events may listen all the same.
   */
  isRecorded(name: string, source: string): boolean;
  /** Inside a turn: records what it listens to. */
  record(): Promise<void>;
}
