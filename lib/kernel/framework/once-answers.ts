/** The answers of the latest commands with idempotency keys. */
export class OnceAnswers {
  readonly #answers = new Map<string, OnceAnswer>();

  get(key: string): OnceAnswer | undefined {
    return this.#answers.get(key);
  }

  add({ key, command, answer }: Pick<OnceData, 'key' | 'command' | 'answer'>): void {
    // The first answer counts.
    if (this.#answers.has(key)) return;
    this.#answers.set(key, { command, answer });
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > ONCE_KEYS_MAX && oldest !== undefined) this.#answers.delete(oldest);
  }

  /** `undefined` if there is nothing to store. */
  toJSON(): [string, unknown][] | undefined {
    return this.#answers.size > 0 ? [...this.#answers] : undefined;
  }

  restore(answers: readonly (readonly [string, unknown])[]): void {
    // Older snapshots have `null` if there was no answer.
    for (const [key, kept] of answers) this.add({ key, ...(kept as OnceAnswer | null) });
  }
}

/** How many idempotency keys an actor remembers: the latest. */
export const ONCE_KEYS_MAX = 1_000;
/** The longest idempotency key, in UTF-16 code units. */
export const ONCE_KEY_LENGTH_MAX = 200;

/** The payload of `$answered`, for a command that was given with an idempotency key. */
export interface OnceData {
  /** Name of the actor class. */
  readonly actor: string;
  readonly key: string;
  /** The command's name. Old events lack it; they answer any command that has their key. */
  readonly command?: string | undefined;
  readonly answer?: unknown;
}

/** The answer of one command. */
export type OnceAnswer = Pick<OnceData, 'command' | 'answer'>;
