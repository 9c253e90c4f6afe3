/** What the last commands with idempotency keys answered. */
export class OnceAnswers {
  readonly #answers = new Map<string, OnceAnswer>();

  get(key: string): OnceAnswer | undefined {
    return this.#answers.get(key);
  }

  add({ key, command, answer }: Pick<OnceData, 'key' | 'command' | 'answer'>): void {
    // The first answer is the one that counts.
    if (this.#answers.has(key)) return;
    this.#answers.set(key, { command, answer });
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > ONCE_KEYS_MAX && oldest !== undefined) this.#answers.delete(oldest);
  }

  /** `undefined` if there is nothing to remember. */
  toJSON(): [string, unknown][] | undefined {
    return this.#answers.size > 0 ? [...this.#answers] : undefined;
  }

  restore(answers: readonly (readonly [string, unknown])[]): void {
    // Older snapshots have `null` where there was no answer.
    for (const [key, kept] of answers) this.add({ key, ...(kept as OnceAnswer | null) });
  }
}

/** Most idempotency keys of one actor that are remembered: the latest. */
export const ONCE_KEYS_MAX = 1_000;
/** Longest idempotency key, in UTF-16 code units. */
export const ONCE_KEY_LENGTH_MAX = 200;

/** What `$answered` says of a command that was given with an idempotency key. */
export interface OnceData {
  /** Name of the actor class. */
  readonly actor: string;
  readonly key: string;
  /** Name of the command; events from before it was stored have none, and answer whichever command has their key. */
  readonly command?: string | undefined;
  readonly answer?: unknown;
}

/** What one of them answered. */
export type OnceAnswer = Pick<OnceData, 'command' | 'answer'>;
