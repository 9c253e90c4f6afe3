import { AsyncLocalStorage } from 'node:async_hooks';
import { type AsyncContext, callersContext } from '../../engine/environment/async-context.js';
import { copyOfArguments } from '../../kernel/state/data-copy.js';
import { DeadlockError, TurnError } from '../../kernel/values/errors.js';
import { promiseOf } from '../../kernel/values/thenable.js';
import type { Request } from '../commit/request.js';
import type { Origin, RequestCause } from '../events/cause.js';

/** One run of one command in its activation. */
export class Turn {
  over = false;
  /** Why it must fail even if its method catches the error. */
  failure: unknown;
  /** Its actor is led by another node now, where its command has to run again. */
  evicted = false;
  /** Others' events changed the state that it was decided on, before anything of it was stored. */
  mustRunAgain = false;
  /** Its end brings something with it even if it fires nothing. */
  mustComplete = false;
  /** What its end brings with it has been done. */
  completed = false;
  /** What the next event that it fires says in its metadata: `heardText`, or nothing. */
  heard = '';
  /** What must be done before what it fired is stored. */
  preparation: Promise<unknown> | undefined;
  #place: string | undefined;
  /** What this turn asked for and has not got yet (answers, actors that are being loaded), and where it comes from. Made on first use. */
  #waits: Map<Promise<unknown>, TurnOwner> | undefined;

  constructor(
    readonly owner: TurnOwner,
    readonly request: Request,
  ) {}

  /** How it stands in the chain of a call that it makes; no other turn, not even the next run of the same command, stands in one like that. */
  get place(): string | undefined {
    return this.#place;
  }

  /** The same, as it makes a call. @param commandId of the call. */
  placeIn(commandId: string): string {
    this.#place ??= `${this.owner.label}${PLACE}${commandId}`;
    return this.#place;
  }

  /** Whom it waits for. */
  get waitsFor(): Iterable<TurnOwner> {
    return this.#waits?.values() ?? [];
  }

  /** Remembers that the turn asked for this, until it has it. */
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
  /** For the chain in a `DeadlockError`: class and id. */
  readonly label: string;
  /** The turn running in it now. */
  readonly running: Turn | undefined;
}

/** In the chain of a call, between the actor's label and what tells its turn from all others. */
const PLACE = '\n';

/** The actor whose turn stands in a chain of calls. */
export function labelIn(place: string): string {
  const at = place.lastIndexOf(PLACE);
  return at === -1 ? place : place.slice(0, at);
}

/** The cause of a new request, made inside a turn, by something else, or from outside. */
export function causeOf(commandId: string, caller: Turn | undefined, origin?: Origin): RequestCause {
  const from = caller?.request.cause;
  if (!caller || !from) {
    if (!origin) return { commandId, correlationId: commandId, causationId: null, chain: NOBODY };
    // What was heard may have been stored by somebody who writes no such metadata.
    const correlationId = typeof origin.correlationId === 'string' ? origin.correlationId : commandId;
    return { commandId, ...origin, correlationId, chain: NOBODY };
  }
  const { correlationId, commandId: causationId, traceparent } = from;
  return { commandId, correlationId, causationId, traceparent, chain: [...from.chain, caller.placeIn(commandId)] };
}

const NOBODY: readonly string[] = [];

const turns = new AsyncLocalStorage<Turn>();

/** The turn that the calling code belongs to, however many awaits deep; `undefined` outside actors and after the turn is over. */
export function currentTurn(): Turn | undefined {
  const turn = turns.getStore();
  return turn?.over ? undefined : turn;
}

/** The context of the calling code but for its turn, for a subscriber: what that calls later is never a part of the turn in which it subscribed. */
export function subscribersContext(): AsyncContext {
  return turns.getStore() ? turns.run(undefined as never, callersContext) : callersContext();
}

/** Runs the method of the turn's request, in the context of whoever gave it, so that all it calls knows to which turn it belongs. */
export function runInTurn(turn: Turn, actor: object): unknown {
  const { request } = turn;
  // One that runs at once, as a part of its call, is in that context already.
  if (!request.context) return turns.run(turn, callMethod, request, actor);
  return request.context.runInAsyncScope(() => turns.run(turn, callMethod, request, actor));
}

/** Runs more that belongs to the turn. */
export function runOn<T>(turn: Turn, work: (turn: Turn) => T): T {
  return turns.run(turn, work, turn);
}

function callMethod(request: Request, actor: object): unknown {
  const { trace } = request;
  return trace ? trace.run(() => answerOf(request, actor)) : answerOf(request, actor);
}

/** What the method answers; a promise of ours for whatever has to be waited for. */
function answerOf(request: Request, actor: object): unknown {
  const { method, args, copiesArguments } = request;
  const own = copiesArguments ? copyOfArguments(args) : args;
  const answer = method.apply(actor as never, own as unknown[]);
  return promiseOf(answer) ?? answer;
}

/** Throws unless the calling code belongs to that turn. */
export function assertInTurn(turn: Turn | undefined, doing: string, label: string): Turn {
  const here = turns.getStore();
  if (turn && here === turn && !turn.over) return turn;
  throw new TurnError(
    `${label}: ${doing} works only while a command of this actor runs${here ? ', and that command has already ended: await what it starts' : ''}`,
  );
}

/**
 * Throws if `caller` waiting for `target` would close a circle: the turn that runs in `target` waits, directly or through others, for the caller.
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
