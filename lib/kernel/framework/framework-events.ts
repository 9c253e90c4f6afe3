import { FRAMEWORK_EVENT_PREFIX, type NewEvent } from '../values/index.js';
import { heardIn } from './heard-note.js';
import { LISTENING_EVENTS, type ListeningMemory, ListeningState } from './listening-state.js';
import { OnceAnswers, type OnceData } from './once-answers.js';

/**
 * A leadership of a stream. `nodeId` leads until the stream contains a higher term; `null` means that the leader gave
 * up.
 */
export interface Leadership {
  readonly nodeId: string | null;
  /** The incarnation of the node that leads; another incarnation of it does not lead. Older events lack it. */
  readonly incarnation?: string;
  /** 1, 2, 3 … */
  readonly term: number;
}

/** The framework's own events, and `tick`, which it fires in the actor's name. */
export const LEADER_EVENT = '$leader';
export const TICKING_EVENT = '$ticking';
export const ANSWERED_EVENT = '$answered';
export const PARTLY_EVENT = '$partly';
export const TICK_EVENT = 'tick';

/** Options of `startTicking`. */
export interface TickOptions {
  /** The shortest time between two ticks, in milliseconds, from 10 (`TICK_MS_MIN`) to about ten years. */
  everyMs: number;
  /** How many ticks to fire, a whole number from 1 on. Default: unlimited. */
  count?: number;
}

/** The payload of a `tick` event. */
export interface Tick {
  /** 1, 2, 3 … since ticking started. */
  readonly n: number;
  /** How many ticks were skipped since the last one, because no node was alive or there was no time. */
  readonly missed: number;
}

/** Distinguishes a `TickActor`'s ticks from a user's event of the same name. It does not exist at run time. */
declare const FIRED_BY_TIME: unique symbol;

/** The events that every `TickActor` has besides its own. */
export interface TickEvents {
  tick: Tick;
  readonly [FIRED_BY_TIME]: never;
}

/** The shortest interval between two ticks, in milliseconds. */
export const TICK_MS_MIN = 10;
/** The longest interval between two ticks, in milliseconds: about ten years. */
export const TICK_MS_MAX = 10 * 365 * 24 * 3_600_000;

/** How an actor ticks at present. */
export interface Ticking {
  readonly everyMs: number;
  readonly count: number | null;
  /** The number of the last tick; 0 before the first. */
  readonly n: number;
  /**
   * When the last tick was, or when ticking started, by the clock of the node that wrote it, but never before its
   * predecessor. Milliseconds since 1970.
   */
  readonly lastAtMs: number;
  /** What that clock showed, if it was behind that. */
  readonly clockMs?: number;
  /** The node that wrote it. */
  readonly lastBy: string;
  /** What caused its ticks: the request that started ticking, and its `$ticking` event. */
  readonly origin?: { readonly correlationId: string; readonly causationId: string };
}

/** The payload of `$ticking`; `everyMs: null` ends ticking. */
export type TickingData = { readonly everyMs: number; readonly count: number | null } | { readonly everyMs: null };

/** What a snapshot stores of it. */
export interface FrameworkMemory {
  readonly leader?: Leadership | undefined;
  readonly ticking?: Ticking | undefined;
  readonly hearing?: ListeningMemory | undefined;
  readonly once?: readonly (readonly [string, unknown])[] | undefined;
}

/**
 * What the framework's events record about one actor: who leads its stream, how it ticks, and what it has heard. It is
 * a fold like the actor's own state, but only of stored events.
 */
export class FrameworkState {
  leader: Leadership | undefined;
  /** `undefined` while it does not tick. */
  ticking: Ticking | undefined;
  #listeningState: ListeningState | undefined;
  #once: OnceAnswers | undefined;
  readonly #actor: string;

  /** @param actor the class's name. Ticks of other classes on the same stream are ignored. */
  constructor(actor: string) {
    this.#actor = actor;
  }

  applyAll(events: readonly NewEvent[]): void {
    for (const event of events) this.#apply(event);
  }

  /** What the actor listens to, and how far it has heard. */
  get listeningState(): ListeningState {
    this.#listeningState ??= new ListeningState(this.#actor);
    return this.#listeningState;
  }

  /** Whether the actor ever listened to anything. */
  get isListening(): boolean {
    return (this.#listeningState?.sources.size ?? 0) > 0;
  }

  /** The answers of commands with idempotency keys. */
  get once(): OnceAnswers {
    this.#once ??= new OnceAnswers();
    return this.#once;
  }

  /** For a snapshot; `undefined` if there is nothing to store. */
  toJSON(): FrameworkMemory | undefined {
    const { leader, ticking } = this;
    const hearing = this.#listeningState?.toJSON();
    const once = this.#once?.toJSON();
    return leader || ticking || hearing || once ? { leader, ticking, hearing, once } : undefined;
  }

  restore({ leader, ticking, hearing, once }: FrameworkMemory): void {
    this.leader = leader;
    this.ticking = ticking;
    if (hearing) this.listeningState.restore(hearing);
    if (once) this.once.restore(once);
  }

  #apply(event: NewEvent): void {
    const { name } = event;
    const heard = heardIn(event.metadata, this.#actor);
    if (heard) this.listeningState.hear(heard);
    if (name === TICK_EVENT) this.#tick(event);
    // Most events are users' own.
    else if (!name.startsWith(FRAMEWORK_EVENT_PREFIX)) return;
    else if (name === LEADER_EVENT) this.#lead(JSON.parse(event.data) as Leadership);
    else if (name === TICKING_EVENT) this.#startOrStop(event);
    else if (name === ANSWERED_EVENT) this.#answer(JSON.parse(event.data) as Partial<OnceData>);
    else if (LISTENING_EVENTS.has(name)) this.listeningState.apply(event);
  }

  #answer({ actor, key, command, answer }: Partial<OnceData>): void {
    if (actor === this.#actor && key !== undefined) this.once.add({ key, command, answer });
  }

  #lead(next: Leadership): void {
    if (next.term > (this.leader?.term ?? 0)) this.leader = next;
  }

  #startOrStop(event: NewEvent): void {
    const written = this.#written(event);
    if (!written) return;
    const data = JSON.parse(event.data) as TickingData;
    if (data.everyMs === null) this.ticking = undefined;
    else if (!isSame(this.ticking, data)) this.ticking = { ...data, n: 0, ...written, origin: originIn(event) };
  }

  #tick(event: NewEvent): void {
    const written = this.ticking && this.#written(event);
    if (!this.ticking || !written) return;
    const { n } = JSON.parse(event.data) as Tick;
    const { clockMs: _before, ...ticking } = this.ticking;
    const { count } = ticking;
    this.ticking = count !== null && n >= count ? undefined : { ...ticking, n, ...written };
  }

  /** When and by whom the event was written, if an actor of this class fired it. */
  #written(event: NewEvent): Pick<Ticking, 'lastAtMs' | 'clockMs' | 'lastBy'> | undefined {
    const { actor, at, clock, firedBy } = JSON.parse(event.metadata) as {
      actor: string;
      at: string;
      clock?: string;
      firedBy: { nodeId: string };
    };
    if (actor !== this.#actor) return undefined;
    const written = { lastAtMs: Date.parse(at), lastBy: firedBy.nodeId };
    return clock === undefined ? written : { ...written, clockMs: Date.parse(clock) };
  }
}

function originIn({ id, metadata }: NewEvent): { correlationId: string; causationId: string } {
  const { correlationId } = JSON.parse(metadata) as { correlationId: string };
  return { correlationId, causationId: id };
}

/**
 * What other events may change for an actor. `state`: everything that was decided before them is in doubt. `decisions`:
 * only some decisions are, and each commit knows by itself whether it is one of those.
 */
export type EventEffect = 'state' | 'decisions';

/**
 * What another writer's event without a handler changes for an actor. Events of other classes change nothing, except
 * `$leader`: one node leads the stream for all of them.
 *
 * @param actor the class's name.
 * @param hears the framework's events that matter to the actor's kind.
 */
export function frameworkEffectOf(event: NewEvent, actor: string, hears: ReadonlySet<string>): EventEffect | undefined {
  const { name, data, metadata } = event;
  if (hears.has(name)) {
    if (name === LEADER_EVENT) return 'state';
    const isTicking = name === TICK_EVENT || name === TICKING_EVENT;
    const written = JSON.parse(isTicking ? metadata : data) as { actor?: unknown };
    if (written.actor === actor) return isTicking ? 'state' : 'decisions';
  }
  return heardIn(metadata, actor) && 'decisions';
}

/**
 * Whether ticking already goes on with these options. If two commands start the same ticking at the same time, it
 * starts once.
 */
export function isSame(ticking: Ticking | undefined, data: { everyMs: number; count: number | null }): boolean {
  return ticking !== undefined && ticking.everyMs === data.everyMs && ticking.count === data.count;
}
