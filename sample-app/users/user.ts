import { Actor, Command, EventHandler, type Heard, Ids, ListenTo, LiveActor } from 'omniscient-nest';
import { z } from 'zod';
import { CARDS } from '../bank/bank.js';
import { AccountError } from '../common/game-error.js';
import type { PaymentEvents } from '../payments/payment-events.js';
import { PasswordService } from './password.service.js';
import { TokenService } from './token.service.js';

/** Wrong passwords in a row after which an account is locked. */
export const LOGIN_TRIES_MAX = 5;
/** What a life costs. */
export const LIFE_PRICE_CENTS = 100;
/** Payments that a user's state remembers. */
const PAYMENTS_KEPT_MAX = 20;

/** The event that asks for money has a schema: a payload that does not fit it is refused before it is stored. */
const paymentRequest = z.strictObject({
  payment: z.uuid(),
  lives: z.int().min(1).max(100),
  amountCents: z.int().positive(),
  card: z.enum(CARDS),
});

export interface UserState {
  username?: string;
  passwordHash?: string;
  failedLogins: number;
  locked: boolean;
  paidCents: number;
  /** Ids of the last ones, oldest first. */
  payments: string[];
}

export interface UserEvents {
  signed_up: { username: string; passwordHash: string };
  logged_in: { browser: string };
  invalid_login: { browser: string };
  locked_out: { tries: number };
  /** Calls the `Payment` of that id into life. */
  payment_requested: z.infer<typeof paymentRequest>;
  payment_received: { amountCents: number; lives: number };
}

/** The answer to a request to pay. */
export interface PaymentRequested {
  payment: string;
  amountCents: number;
}

/** An account: it signs up, logs in and pays. The `Player` with the same id gains what the payment buys. */
@Actor({ schemas: { payment_requested: paymentRequest } })
export class User extends LiveActor<UserState, UserEvents> {
  constructor(
    private readonly passwords: PasswordService,
    private readonly tokens: TokenService,
    private readonly ids: Ids,
  ) {
    super();
  }

  initialState(): UserState {
    return { failedLogins: 0, locked: false, paidCents: 0, payments: [] };
  }

  /** Runs again if somebody else took the name meanwhile, so a name is taken once. */
  @Command({ onConflict: 'rerun' })
  async signUp(password: string): Promise<void> {
    // Events are kept for ever, so the password itself must not be in one.
    const passwordHash = await this.passwords.hash(password);
    if (this.state.passwordHash)
      throw new AccountError('NAME_TAKEN', `the name '${this.id}' is taken: choose another one`);
    this.fire('signed_up', { username: this.id, passwordHash });
  }

  @Command()
  async login(password: string, browser: string): Promise<string> {
    const { passwordHash, locked } = this.state;
    if (locked) throw new AccountError('LOCKED', `'${this.id}' is locked after ${LOGIN_TRIES_MAX} wrong passwords`);
    const right = passwordHash !== undefined && (await this.passwords.matches(password, passwordHash));
    if (right) {
      this.fire('logged_in', { browser });
      return this.tokens.issue(this.id);
    }
    this.fire('invalid_login', { browser });
    const tries = this.state.failedLogins;
    if (tries >= LOGIN_TRIES_MAX) this.fire('locked_out', { tries });
    // What was fired stays although the login failed: an error would take it back.
    return '';
  }

  /** Only asks for it: the lives come when the bank has the money. */
  @Command()
  pay(lives: number, card: UserEvents['payment_requested']['card']): PaymentRequested {
    if (!this.state.passwordHash) throw new AccountError('UNKNOWN', `nobody called '${this.id}' has signed up`);
    const requested = { payment: this.ids.next(), amountCents: lives * LIFE_PRICE_CENTS };
    this.fire('payment_requested', { ...requested, lives, card });
    return requested;
  }

  @ListenTo<PaymentEvents, 'payment_confirmed'>({ events: ['payment_confirmed'], to: ({ data }) => data.user })
  receive({ data: { amountCents, lives } }: Heard<PaymentEvents, 'payment_confirmed'>) {
    this.fire('payment_received', { amountCents, lives });
  }

  @EventHandler() signed_up({ username, passwordHash }: UserEvents['signed_up']) {
    this.state.username = username;
    this.state.passwordHash = passwordHash;
  }

  @EventHandler('logged_in') onLogin() {
    this.state.failedLogins = 0;
  }

  @EventHandler('invalid_login') onWrongPassword() {
    this.state.failedLogins += 1;
  }

  @EventHandler('locked_out') onLock() {
    this.state.locked = true;
  }

  @EventHandler('payment_requested') onRequest({ payment }: UserEvents['payment_requested']) {
    this.state.payments = [...this.state.payments, payment].slice(-PAYMENTS_KEPT_MAX);
  }

  @EventHandler('payment_received') onPayment({ amountCents }: UserEvents['payment_received']) {
    this.state.paidCents += amountCents;
  }
}
