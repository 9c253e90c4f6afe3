import type { OnConflict } from '../../kernel/declaring/marks.js';
import { copyOfData } from '../../kernel/state/data-copy.js';
import { unwrap } from '../../kernel/state/state-tree.js';
import { derivedId, isDerivedId } from '../events/derived-ids.js';

/**
 * What one command asks of other actors. If it is run again, a call that it makes again (the same command of the same actor, with the same arguments, for
 * the n-th time) has the same id again, wherever that is, so that the called actor recognises it; and where the command runs again on the same node,
 * the call gets the answer that it got, and is not made. So a second run decides on the newest state of its own actor, and on what others told the first.
 * A call that failed is made again.
 */
export class NestedCalls {
  readonly #seed: string;
  #turn: object | undefined;
  /** How often each call was made in this turn. */
  readonly #counts = new Map<string, number>();
  readonly #answers = new Map<string, Promise<unknown>>();

  /** @param seed what all runs of the command have in common. */
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
    // What this run does to the answer must not be seen by the next.
    const answer = given.then(copyOfData);
    this.#answers.set(commandId, answer);
    answer.catch(() => this.#answers.delete(commandId));
  }
}

/** Most answers that one command remembers while it runs; further calls are left to the called actors, which recognise their ids. */
const ANSWERS_MAX = 10_000;

/** Whom a turn calls. */
interface CalledActor {
  readonly actorName: string;
  readonly id: string;
}

/** What shows that a command may run again. */
interface Repeatable {
  readonly onConflict: OnConflict;
  readonly isStale: unknown;
  readonly onEvicted: unknown;
  readonly cause: { readonly commandId: string };
}

/** How a call is made, or answered from an earlier run. */
interface Giving {
  /** Makes the call. */
  give(commandId: string): Promise<unknown>;
  /** The turn waits for an answer that was given before. */
  wait(answer: Promise<unknown>): void;
}

/** Whether a command may be run a second time, here or on another node, when its calls have had their effect already. */
export function mayRunAgain({ onConflict, isStale, onEvicted, cause }: Repeatable): boolean {
  return onConflict === 'rerun' || isStale !== undefined || onEvicted !== undefined || isDerivedId(cause.commandId);
}

/** Arguments that JSON cannot tell apart are told apart by their order. */
function textOf(args: readonly unknown[]): string {
  try {
    return JSON.stringify(args.map(unwrap)) ?? '';
  } catch {
    return '';
  }
}
