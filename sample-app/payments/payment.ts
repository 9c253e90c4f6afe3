import { Actor, Command, EventHandler, type Heard, ListenTo, TickActor, type TickEvents } from 'omniscient-nest';
import { Bank, BankUnreachableError, type Card, type Outcome } from '../bank/bank.js';
import { GameError } from '../common/game-error.js';
import { OwnAddress } from '../common/own-address.js';
import type { UserEvents } from '../users/user.js';
import type { PaymentEvents } from './payment-events.js';

/** How often the bank is asked again while it has not answered. */
const ASK_AGAIN_MS = 500;
/** How often it is asked again before the payment is given up. */
const ASKS_AGAIN_MAX = 5;
const PREFIX = 'payment/';

export interface PaymentState {
  status: 'new' | 'asking' | 'paid' | 'declined' | 'refunding' | 'refunded';
  payment: string;
  user: string;
  lives: number;
  amountCents: number;
  card: Card;
  /** The request that it belongs to. */
  reference: string;
  ticks: number;
  /** How often the bank could not be reached. */
  failures: number;
}

type Requested = Heard<UserEvents, 'payment_requested'>;
type TimedOut = Heard<PaymentEvents, 'payment_timed_out'>;

/** The stream that a payment listens to: its own, while it waits for the bank. */
const ownTicks = ({ status, payment }: PaymentState) => (status === 'asking' ? `${PREFIX}${payment}` : undefined);

/**
 * A process that asks the bank, waits for its answer, asks again, gives up, and gets the money back. If its node crashes, another one goes on with it.
 * A reaction may run twice, so each request to the bank has the payment's id as its key: the bank charges once and refunds once.
 */
@Actor({ prefix: PREFIX })
export class Payment extends TickActor<PaymentState, PaymentEvents> {
  constructor(
    private readonly bank: Bank,
    private readonly address: OwnAddress,
  ) {
    super();
  }

  initialState(): PaymentState {
    const nothing = { payment: '', user: '', lives: 0, amountCents: 0, reference: '', ticks: 0, failures: 0 };
    return { ...nothing, status: 'new', card: 'good' };
  }

  /** Begins the payment. If the bank's client throws an unexpected error, this is retried some times, and then parked for an operator. */
  @ListenTo<UserEvents, 'payment_requested'>({ events: ['payment_requested'], to: ({ data }) => data.payment })
  open({ streamId: user, data, metadata }: Requested): unknown {
    this.fire('payment_opened', { ...data, user, reference: metadata.correlationId });
    this.startTicking({ everyMs: ASK_AGAIN_MS });
    return this.ask();
  }

  @ListenTo(ownTicks, { events: ['tick'] })
  askAgain(_: Heard<TickEvents, 'tick'>): unknown {
    const { status, payment, ticks } = this.state;
    if (status !== 'asking') return undefined;
    if (ticks <= ASKS_AGAIN_MAX) return this.ask();
    this.fire('payment_timed_out', { payment, afterMs: ticks * ASK_AGAIN_MS });
    return this.stopTicking();
  }

  /** The bank may have taken the money without an answer. That we gave up is stored by now, so no late answer can make this paid. */
  @ListenTo<PaymentEvents, 'payment_timed_out'>({ events: ['payment_timed_out'], to: ({ data }) => data.payment })
  refund(_: TimedOut): unknown {
    return this.state.status === 'refunding' ? this.getBack() : undefined;
  }

  /** The bank's answer. It may come twice, or too late. */
  @Command({ onConflict: 'rerun' })
  answer(outcome: Outcome): void {
    const { status, user, lives, amountCents } = this.state;
    if (status === 'new') throw new GameError('UNKNOWN_PAYMENT', `nobody has asked for the payment '${this.id}'`);
    if (status !== 'asking') return;
    if (outcome === 'paid') this.fire('payment_confirmed', { user, lives, amountCents });
    else this.fire('payment_declined', { user });
    this.stopTicking();
  }

  @EventHandler('payment_opened') onOpen(opened: PaymentEvents['payment_opened']) {
    Object.assign(this.state, opened, { status: 'asking' });
  }

  @EventHandler() tick() {
    this.state.ticks += 1;
  }

  @EventHandler('bank_unreachable') onFailure() {
    this.state.failures += 1;
  }

  @EventHandler('payment_confirmed') onConfirmation() {
    this.settle('paid');
  }

  @EventHandler('payment_declined') onDecline() {
    this.settle('declined');
  }

  @EventHandler('payment_timed_out') onTimeout() {
    this.settle('refunding');
  }

  @EventHandler('payment_refunded') onRefund() {
    this.state.status = 'refunded';
  }

  private async ask(): Promise<void> {
    const { amountCents, card, reference } = this.state;
    const answerTo = this.address.url(`/payments/${this.id}/answer`);
    try {
      await this.bank.charge({ key: this.id, amountCents, card, answerTo, reference });
    } catch (error) {
      if (!(error instanceof BankUnreachableError)) throw error;
      this.fire('bank_unreachable', { why: error.message });
    }
  }

  private async getBack(): Promise<void> {
    this.fire('payment_refunded', await this.bank.refund(this.id));
  }

  /** The answer and the time-out may happen at once, on two nodes. What is stored first counts. */
  private settle(status: PaymentState['status']): void {
    if (this.state.status === 'asking') this.state.status = status;
  }
}
