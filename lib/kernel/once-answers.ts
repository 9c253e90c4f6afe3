/** Most idempotency keys of one actor that are remembered: the latest. */
export const ONCE_KEYS_MAX = 1_000;
/** Longest idempotency key, in UTF-16 code units. */
export const ONCE_KEY_LENGTH_MAX = 200;

/** What `$answered` says of a command that was given with an idempotency key. */
export interface OnceData {
  /** Name of the actor class. */
  readonly actor: string;
  readonly key: string;
  readonly answer?: unknown;
}

/** What the last commands with idempotency keys answered. */
export class OnceAnswers {
  readonly #answers = new Map<string, { readonly answer: unknown }>();

  get(key: string): { readonly answer: unknown } | undefined {
    return this.#answers.get(key);
  }

  add({ key, answer }: Pick<OnceData, 'key' | 'answer'>): void {
    // The first answer is the one that counts.
    if (this.#answers.has(key)) return;
    this.#answers.set(key, { answer });
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > ONCE_KEYS_MAX && oldest !== undefined) this.#answers.delete(oldest);
  }

  toJSON(): [string, unknown][] {
    return [...this.#answers].map(([key, { answer }]) => (answer === undefined ? [key, null] : [key, { answer }]));
  }

  restore(answers: readonly (readonly [string, unknown])[]): void {
    for (const [key, kept] of answers) this.add({ key, answer: (kept as { answer?: unknown } | null)?.answer });
  }
}
