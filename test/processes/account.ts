import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';

export interface AccountState {
  balance: number;
  entries: number;
}

export interface AccountEvents {
  paid_in: { amount: number };
  paid_out: { amount: number };
  transfer_begun: { token: string };
  transfer_noted: { token: string };
  transfer_ended: { token: string };
}

/** What the processes of the multi-process specs do to each other. */
@Actor({ ignores: ['transfer_begun', 'transfer_noted', 'transfer_ended'] })
export class Account extends LiveActor<AccountState, AccountEvents> {
  initialState(): AccountState {
    return { balance: 0, entries: 0 };
  }

  @Command()
  payIn(amount: number): number {
    this.fire('paid_in', { amount });
    return this.state.balance;
  }

  @Command({ onConflict: 'rerun' })
  payInDecided(amount: number): number {
    this.fire('paid_in', { amount });
    return this.state.balance;
  }

  /** Never below zero. */
  @Command({ onConflict: 'rerun' })
  payOut(amount: number): boolean {
    if (this.state.balance < amount) return false;
    this.fire('paid_out', { amount });
    return true;
  }

  @Command({ onConflict: 'reject' })
  payInAlone(amount: number): void {
    this.fire('paid_in', { amount });
  }

  /** A commit of three events. */
  @Command()
  transfer(token: string): void {
    this.fire('transfer_begun', { token });
    this.fire('transfer_noted', { token });
    this.fire('transfer_ended', { token });
  }

  @EventHandler() paid_in({ amount }: AccountEvents['paid_in']) {
    this.state.balance += amount;
    this.state.entries += 1;
  }

  @EventHandler() paid_out({ amount }: AccountEvents['paid_out']) {
    this.state.balance -= amount;
    this.state.entries += 1;
  }
}

/** Shares streams with `Account`; neither handles the other's events. */
@Actor({ ignores: ['transfer_begun', 'transfer_noted', 'transfer_ended'] })
export class Auditor extends LiveActor<{ looked: number }, { looked_at: { run: number } }> {
  /** How often the method ran in this process, whether or not it was stored. */
  static runs = 0;

  initialState() {
    return { looked: 0 };
  }

  @Command({ onConflict: 'rerun' })
  look(): void {
    Auditor.runs += 1;
    this.fire('looked_at', { run: Auditor.runs });
  }

  @EventHandler() looked_at() {
    this.state.looked += 1;
  }
}
