import type { OnConflict } from '../../kernel/declaring/index.js';
import { copyOfData, unwrap } from '../../kernel/state/index.js';
import { derivedId, isDerivedId } from '../events/index.js';

/**
 * The calls of one command to other actors, for commands that may run again. In each run, the same call (the same
 * command of the same actor with the same arguments, for the n-th time) gets the same id, on any node, so that the
 * called actor recognises it. On the same node it is not even made again: it gets its earlier answer. So a second run
 * decides on the newest state of its own actor and on what others answered the first run. A call that failed is made
 * again.
 */
export class NestedCalls {
  readonly #seed: string;
  #turn: object | undefined;
  /** How often each call was made in this turn. */
  readonly #counts = new Map<string, number>();
  readonly #answers = new Map<string, Promise<unknown>>();

  /** @param seed is the same for all runs of the command. */
  constructor(seed: string) {
    this.#seed = seed;
  }

  /** The answer to a call, or to the same call of an earlier run. */
  answer(
    turn: object,
    target: CalledActor,
    call: { readonly command: string; readonly args: readonly unknown[] },
    { give, wait }: Giving,
  ): Promise<unknown> {
    const commandId = this.#idOf(turn, target, call);
    const earlier = this.#answers.get(commandId);
    if (earlier) {
      const answer = earlier.then(copyOfData);
      wait(answer);
      return answer;
    }
    const given = give(commandId);
    if (this.#answers.size < ANSWERS_MAX) this.#remember(commandId, given);
    return given;
  }

  #idOf(
    turn: object,
    { actorName, id }: CalledActor,
    { command, args }: { command: string; args: readonly unknown[] },
  ) {
    if (this.#turn !== turn) this.#counts.clear();
    this.#turn = turn;
    const first = derivedId(this.#seed, actorName, id, command, textOf(args));
    const count = (this.#counts.get(first) ?? 0) + 1;
    this.#counts.set(first, count);
    return count === 1 ? first : derivedId(first, String(count));
  }

  #remember(commandId: string, given: Promise<unknown>): void {
    // Changes that this run makes to the answer must not be visible to the next run.
    const answer = given.then(copyOfData);
    this.#answers.set(commandId, answer);
    answer.catch(() => this.#answers.delete(commandId));
  }
}

/**
 * How many answers one command remembers while it runs. Further calls are made again, and the called actors recognise
 * their ids.
 */
const ANSWERS_MAX = 10_000;

/** The actor that a turn calls. */
interface CalledActor {
  readonly actorName: string;
  readonly id: string;
}

/** What shows whether a command may run again. */
interface Repeatable {
  readonly onConflict: OnConflict;
  readonly isStale: unknown;
  readonly onEvicted: unknown;
  readonly cause: { readonly commandId: string };
}

/** How to make a call, or to wait for its earlier answer. */
interface Giving {
  /** Makes the call. */
  give(commandId: string): Promise<unknown>;
  /** The turn waits for an earlier answer. */
  wait(answer: Promise<unknown>): void;
}

/** Whether a command may run again, here or on another node, after its calls have taken effect. */
export function mayRunAgain({ onConflict, isStale, onEvicted, cause }: Repeatable): boolean {
  return onConflict === 'rerun' || isStale !== undefined || onEvicted !== undefined || isDerivedId(cause.commandId);
}

/** Calls whose arguments are the same in JSON are told apart by their order. */
function textOf(args: readonly unknown[]): string {
  try {
    return JSON.stringify(args.map(unwrap)) ?? '';
  } catch {
    return '';
  }
}
