import { createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { Tables } from '../tables/tables.js';

/** What the bank's test cards do. */
export const CARDS = ['good', 'declined', 'flaky', 'silent'] as const;
export type Card = (typeof CARDS)[number];

export type Outcome = 'paid' | 'declined';

/** What the bank is asked for. */
export interface Charge {
  /** Idempotency key: however often this is asked, money moves once. */
  key: string;
  amountCents: number;
  card: Card;
  /** Where the answer goes. */
  answerTo: string;
  /** Sent back with the answer, as `x-correlation-id`. */
  reference: string;
}

/** The bank could not be reached: it is not known whether it heard. */
export class BankUnreachableError extends Error {}

/** How long the bank thinks before it answers. */
const THINKING_MS = 300;
/** How often a flaky card's bank is down before it is up. */
const FLAKY_ASKS = 2;
/** How long the bank waits for its answer to be taken. */
const ANSWER_MS_MAX = 5_000;
/** Shared with the bank when the contract was signed. */
const SECRET = process.env.BANK_SECRET ?? 'a secret of the sample';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS bank_book (
    key TEXT PRIMARY KEY, amount_cents INTEGER NOT NULL, card TEXT NOT NULL, asked INTEGER NOT NULL DEFAULT 0,
    charged_cents INTEGER NOT NULL DEFAULT 0, refunded_cents INTEGER NOT NULL DEFAULT 0, is_void INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS bank_state (id INTEGER PRIMARY KEY CHECK (id = 1), is_broken INTEGER NOT NULL);
  INSERT OR IGNORE INTO bank_state VALUES (1, 0);`;

/** What one customer's payment did to the bank's book. */
export interface BookEntry {
  asked: number;
  chargedCents: number;
  refundedCents: number;
}

/**
 * Stands for a company across the street that takes money: it knows nothing of events, keeps a book of its own, and says by a POST to the
 * application what became of a charge. Its test cards, and a switch, make it as unreliable as the real ones are.
 */
@Injectable()
export class Bank {
  readonly #logger = new Logger('Bank');

  constructor(private readonly tables: Tables) {
    tables.db.exec(SCHEMA);
  }

  /**
   * Takes the order; the answer comes later.
   *
   * @throws BankUnreachableError.
   */
  async charge({ key, amountCents, card, answerTo, reference }: Charge): Promise<void> {
    if (this.isBroken && !this.entry(key))
      throw new TypeError(`the bank sent '<html>' where JSON was expected, for ${key}`);
    const { db } = this.tables;
    const insert = db.prepare('INSERT OR IGNORE INTO bank_book (key, amount_cents, card) VALUES (?, ?, ?)');
    insert.run(key, amountCents, card);
    const ask = db.prepare<[string], { asked: number }>(
      'UPDATE bank_book SET asked = asked + 1 WHERE key = ? RETURNING asked',
    );
    const { asked } = ask.get(key) as { asked: number };
    if (card === 'flaky' && asked <= FLAKY_ASKS) throw new BankUnreachableError('the bank does not answer the phone');
    const charge = db.prepare(
      `UPDATE bank_book SET charged_cents = charged_cents + amount_cents WHERE key = ? AND charged_cents = 0 AND is_void = 0`,
    );
    if (card !== 'declined') charge.run(key);
    const outcome = card === 'declined' ? 'declined' : 'paid';
    if (card !== 'silent') setTimeout(() => void this.answer(key, outcome, answerTo, reference), THINKING_MS).unref();
  }

  /** Gives back what was taken, and takes nothing for this key any more. */
  async refund(key: string): Promise<{ amountCents: number }> {
    const refund = this.tables.db.prepare<[string], { amountCents: number }>(
      `UPDATE bank_book SET refunded_cents = charged_cents, is_void = 1 WHERE key = ? RETURNING refunded_cents AS amountCents`,
    );
    return refund.get(key) ?? { amountCents: 0 };
  }

  entry(key: string): BookEntry | undefined {
    const find = this.tables.db.prepare<[string], BookEntry>(
      'SELECT asked, charged_cents AS chargedCents, refunded_cents AS refundedCents FROM bank_book WHERE key = ?',
    );
    return find.get(key);
  }

  /** Whether its computers send nonsense to whoever asks for something new. */
  get isBroken(): boolean {
    const state = this.tables.db.prepare<[], { is_broken: number }>('SELECT is_broken FROM bank_state');
    return state.get()?.is_broken === 1;
  }

  set isBroken(isBroken: boolean) {
    this.tables.db.prepare('UPDATE bank_state SET is_broken = ?').run(isBroken ? 1 : 0);
  }

  /** Tells the application. It is not told again: who hears nothing asks again. */
  private async answer(key: string, outcome: Outcome, answerTo: string, reference: string): Promise<void> {
    const headers = {
      'content-type': 'application/json',
      'x-bank-signature': signatureOf(key, outcome),
      'x-correlation-id': reference,
    };
    const body = JSON.stringify({ outcome });
    try {
      await fetch(answerTo, { method: 'POST', headers, body, signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    } catch (error) {
      this.#logger.warn(`nobody took the answer for ${key}: ${String(error)}`);
    }
  }
}

/** Whether it is the bank that says so. */
export function isFromBank(key: string, outcome: Outcome, signature: string): boolean {
  const [given, right] = [signature, signatureOf(key, outcome)].map((text) => Buffer.from(text));
  return given !== undefined && right !== undefined && given.length === right.length && timingSafeEqual(given, right);
}

/** What the bank puts under an answer. */
export function signatureOf(key: string, outcome: Outcome): string {
  return createHmac('sha256', SECRET).update(`${key}:${outcome}`).digest('base64url');
}
