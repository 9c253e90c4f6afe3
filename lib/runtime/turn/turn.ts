import { AsyncLocalStorage } from 'node:async_hooks';
import { type AsyncContext, callersContext } from '../../engine/environment/index.js';
import { copyOfArguments } from '../../kernel/state/index.js';
import { DeadlockError, promiseOf, TurnError } from '../../kernel/values/index.js';
import type { Request } from '../commit/index.js';
import type { Origin, RequestCause } from '../events/index.js';

/** One run of one command in its activation. */
export class Turn {
  over = false;
  /** Why it must fail even if its method catches the error. */
  failure: unknown;
  /** Another node leads its actor now; the command must run again there. */
  evicted = false;
  /** Others' events changed the state on which it decided, before any of its events were stored. */
  mustRunAgain = false;
  /** It needs the work at the end of a command even if it fires nothing. */
  mustComplete = false;
  /** The work at the end of the command has been done. */
  completed = false;
  /** The note for the metadata of its next event: `heardText`, or empty. */
  heard = '';
  /** Work that must be done before its events are stored. */
  preparation: Promise<unknown> | undefined;
  #place: string | undefined;
  /** What this turn waits for (answers, actors that are being loaded), and from whom. Made on first use. */
  #waits: Map<Promise<unknown>, TurnOwner> | undefined;

  constructor(
    readonly owner: TurnOwner,
    readonly request: Request,
  ) {}

  /**
   * Its entry in the chain of the calls that it makes. No other turn has the same entry, not even the next run of the
   * same command.
   */
  get place(): string | undefined {
    return this.#place;
  }

  /** Returns that entry, and creates it at the first call. @param commandId of the call. */
  placeIn(commandId: string): string {
    this.#place ??= `${this.owner.label}${PLACE}${commandId}`;
    return this.#place;
  }

  /** The owners that it waits for. */
  get waitsFor(): Iterable<TurnOwner> {
    return this.#waits?.values() ?? [];
  }

  /** Records that the turn waits for this answer until it settles. */
  waitFor(answer: Promise<unknown>, owner: TurnOwner): void {
    this.#waits ??= new Map();
    const waits = this.#waits;
    waits.set(answer, owner);
    const answered = () => waits.delete(answer);
    answer.then(answered, answered);
  }
}

/** What a turn needs to know of the activation it runs in. */
export interface TurnOwner {
  /** Class and id, for the chain in a `DeadlockError`. */
  readonly label: string;
  /** The turn running in it now. */
  readonly running: Turn | undefined;
}

/** Separates the actor's label from its turn's id in the chain of a call. */
const PLACE = '\n';

/** The label of the actor whose turn has this entry in a chain of calls. */
export function labelIn(place: string): string {
  const at = place.lastIndexOf(PLACE);
  return at === -1 ? place : place.slice(0, at);
}

/** The cause of a new request: made inside a turn, by an event, or from outside. */
export function causeOf(commandId: string, caller: Turn | undefined, origin?: Origin): RequestCause {
  const from = caller?.request.cause;
  if (!caller || !from) {
    if (!origin) return { commandId, correlationId: commandId, causationId: null, chain: NOBODY };
    // The event may have been stored by a writer that adds no such metadata.
    const correlationId = typeof origin.correlationId === 'string' ? origin.correlationId : commandId;
    return { commandId, ...origin, correlationId, chain: NOBODY };
  }
  const { correlationId, commandId: causationId, traceparent } = from;
  return { commandId, correlationId, causationId, traceparent, chain: [...from.chain, caller.placeIn(commandId)] };
}

const NOBODY: readonly string[] = [];

const turns = new AsyncLocalStorage<Turn>();

/**
 * The turn that the calling code belongs to, across any number of awaits; `undefined` outside actors and after the turn
 * is over.
 */
export function currentTurn(): Turn | undefined {
  const turn = turns.getStore();
  return turn?.over ? undefined : turn;
}

/**
 * The calling code's async context without its turn, for a subscriber. What a subscriber calls later is never part of
 * the turn in which it subscribed.
 */
export function subscribersContext(): AsyncContext {
  return turns.getStore() ? turns.run(undefined as never, callersContext) : callersContext();
}

/**
 * Runs the method of the turn's request in the caller's async context, so that everything it calls belongs to the turn.
 */
export function runInTurn(turn: Turn, actor: object): unknown {
  const { request } = turn;
  // A request that runs at once, as part of its call, is in that context already.
  if (!request.context) return turns.run(turn, callMethod, request, actor);
  return request.context.runInAsyncScope(() => turns.run(turn, callMethod, request, actor));
}

/** Runs further work of the turn. */
export function runOn<T>(turn: Turn, work: (turn: Turn) => T): T {
  return turns.run(turn, work, turn);
}

function callMethod(request: Request, actor: object): unknown {
  const { trace } = request;
  return trace ? trace.run(() => answerOf(request, actor)) : answerOf(request, actor);
}

/** The method's answer. Any thenable is converted to a native promise. */
function answerOf(request: Request, actor: object): unknown {
  const { method, args, copiesArguments } = request;
  const own = copiesArguments ? copyOfArguments(args) : args;
  const answer = method.apply(actor as never, own as unknown[]);
  return promiseOf(answer) ?? answer;
}

/** Checks that the calling code belongs to that turn. @throws TurnError. */
export function assertInTurn(turn: Turn | undefined, doing: string, label: string): Turn {
  const here = turns.getStore();
  if (turn && here === turn && !turn.over) return turn;
  throw new TurnError(
    `${label}: ${doing} works only while a command of this actor runs${here ? ', and that command has already ended: await what it starts' : ''}`,
  );
}

/**
 * Checks that a wait of `caller` for `target` closes no circle: that the running turn of `target` does not wait for the
 * caller, directly or through others.
 *
 * @throws DeadlockError.
 */
export function assertNoDeadlock(caller: Turn, target: TurnOwner): void {
  const path = pathTo(target, caller, new Set());
  if (path) throw new DeadlockError([caller.owner.label, ...path.map((owner) => owner.label)]);
}

function pathTo(from: TurnOwner, goal: Turn, seen: Set<TurnOwner>): TurnOwner[] | undefined {
  if (from.running === goal) return [from];
  if (seen.has(from)) return undefined;
  seen.add(from);
  for (const next of from.running?.waitsFor ?? []) {
    const rest = pathTo(next, goal, seen);
    if (rest) return [from, ...rest];
  }
  return undefined;
}
