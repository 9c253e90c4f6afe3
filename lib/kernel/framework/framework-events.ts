import { FRAMEWORK_EVENT_PREFIX, type NewEvent } from '../values/event.js';
import { heardIn } from './heard-note.js';
import { LISTENING_EVENTS, type ListeningMemory, ListeningState } from './listening-state.js';
import { OnceAnswers, type OnceData } from './once-answers.js';

/** A leadership of a stream: `nodeId` leads until a higher term is in the stream; `null` when it gave up. */
export interface Leadership {
  readonly nodeId: string | null;
  /** Which start of that node it is: another start of it does not lead. Leaderships from before this was stored have none. */
  readonly incarnation?: string;
  /** 1, 2, 3 … */
  readonly term: number;
}

/** The framework's own events, and the one it fires in the actor's name. */
export const LEADER_EVENT = '$leader';
export const TICKING_EVENT = '$ticking';
export const ANSWERED_EVENT = '$answered';
export const PARTLY_EVENT = '$partly';
export const TICK_EVENT = 'tick';

/** How `startTicking` wants it. */
export interface TickOptions {
  /** Least time between two ticks, in milliseconds, at least `TICK_MS_MIN`. */
  everyMs: number;
  /** How many ticks there are to be; for ever if it is left out. */
  count?: number;
}

/** What a tick says. */
export interface Tick {
  /** 1, 2, 3 … since ticking was started. */
  readonly n: number;
  /** How many ticks there was no node for, or no time, since the one before. */
  readonly missed: number;
}

/** Tells a `TickActor`'s ticks from an event that somebody else calls the same; never present at run time. */
declare const FIRED_BY_TIME: unique symbol;

/** The events that every `TickActor` has beside its own. */
export interface TickEvents {
  tick: Tick;
  readonly [FIRED_BY_TIME]: never;
}

/** Shortest time between two ticks, in milliseconds. */
export const TICK_MS_MIN = 10;
/** Longest time between two ticks, in milliseconds: about ten years. */
export const TICK_MS_MAX = 10 * 365 * 24 * 3_600_000;

/** A ticking that goes on. */
export interface Ticking {
  readonly everyMs: number;
  readonly count: number | null;
  /** The last tick's number; 0 before the first. */
  readonly n: number;
  /** When the last tick was, or when ticking was started: by the clock of the node that wrote it, but never before the one before it. Milliseconds since 1970. */
  readonly lastAtMs: number;
  /** What that clock said, where it was behind that. */
  readonly clockMs?: number;
  /** The node that wrote it. */
  readonly lastBy: string;
  /** What its ticks go back to: the request that started it, and its `$ticking` event. */
  readonly origin?: { readonly correlationId: string; readonly causationId: string };
}

/** What `$ticking` says; `null` for the end of it. */
export type TickingData = { readonly everyMs: number; readonly count: number | null } | { readonly everyMs: null };

/** A snapshot's part of it. */
export interface FrameworkMemory {
  readonly leader?: Leadership | undefined;
  readonly ticking?: Ticking | undefined;
  readonly hearing?: ListeningMemory | undefined;
  readonly once?: readonly (readonly [string, unknown])[] | undefined;
}

/**
 * What the framework's events say of one actor: who leads its stream, how it ticks, and what it has heard. A fold like the actor's own state, but only
 * of what is stored.
 */
export class FrameworkState {
  leader: Leadership | undefined;
  /** `undefined` while it does not tick. */
  ticking: Ticking | undefined;
  #listeningState: ListeningState | undefined;
  #once: OnceAnswers | undefined;
  readonly #actor: string;

  /** @param actor name of the class: what others on the same stream do with ticks is none of its business. */
  constructor(actor: string) {
    this.#actor = actor;
  }

  applyAll(events: readonly NewEvent[]): void {
    for (const event of events) this.#apply(event);
  }

  /** What it listens to, and how far it has heard. */
  get listeningState(): ListeningState {
    this.#listeningState ??= new ListeningState(this.#actor);
    return this.#listeningState;
  }

  /** Whether it ever listened to anything. */
  get isListening(): boolean {
    return (this.#listeningState?.sources.size ?? 0) > 0;
  }

  /** What commands with idempotency keys answered. */
  get once(): OnceAnswers {
    this.#once ??= new OnceAnswers();
    return this.#once;
  }

  /** For a snapshot; nothing if there is nothing to remember. */
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

  /** When and by whom, if an actor of this class fired it. */
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
 * What somebody else's events may change for an actor: its `state`, so that nothing stands as it was decided before them; or only some `decisions`, and a
 * commit knows itself whether it is one of those.
 */
export type EventEffect = 'state' | 'decisions';

/**
 * What an event of somebody else that has no handler changes for an actor. Those of other classes change nothing, but for `$leader`: one node leads
 * the stream, for all of them.
 *
 * @param actor name of the class.
 * @param hears the framework's events that mean something to its kind.
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

/** Two that start the same ticking at the same time start it once. */
export function isSame(ticking: Ticking | undefined, data: { everyMs: number; count: number | null }): boolean {
  return ticking !== undefined && ticking.everyMs === data.everyMs && ticking.count === data.count;
}
