import type { Card } from '../bank/bank.js';

/** What happens to a payment. It stands apart from `Payment`, because a user listens to it, and a payment to users. */
export interface PaymentEvents {
  payment_opened: { payment: string; user: string; lives: number; amountCents: number; card: Card; reference: string };
  bank_unreachable: { why: string };
  /** Calls the `User`, to whom it is worth lives. */
  payment_confirmed: { user: string; lives: number; amountCents: number };
  payment_declined: { user: string };
  payment_timed_out: { payment: string; afterMs: number };
  payment_refunded: { amountCents: number };
}
