import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import type { LogEntry } from './log-file.js';

export type LoanStatus = 'open' | 'approved' | 'declined' | 'cancelled';

export interface LoanState {
  status: LoanStatus;
  /** How often each activity happened. */
  activities: Record<string, number>;
  amountRequested?: number;
  offers: number;
}

type Step = Omit<LogEntry, 'case' | 'line'>;

export interface LoanEvents {
  application_moved: Step;
  offer_moved: Step;
  work_done: Step;
}

const STATUS_AFTER: Readonly<Record<string, LoanStatus>> = {
  A_APPROVED: 'approved',
  A_DECLINED: 'declined',
  A_CANCELLED: 'cancelled',
};

/** One loan application of the bank, as its log tells it. */
@Actor({ prefix: 'loan-' })
export class LoanApplication extends LiveActor<LoanState, LoanEvents> {
  initialState(): LoanState {
    return { status: 'open', activities: {}, offers: 0 };
  }

  @Command()
  record(step: Step): void {
    if (step.activity.startsWith('A_')) this.fire('application_moved', step);
    else if (step.activity.startsWith('O_')) this.fire('offer_moved', step);
    else this.fire('work_done', step);
  }

  @EventHandler()
  application_moved({ activity, trace }: Step): void {
    this.count(activity);
    this.state.status = STATUS_AFTER[activity] ?? this.state.status;
    if (trace) this.state.amountRequested = Number(trace.AMOUNT_REQ);
  }

  @EventHandler()
  offer_moved({ activity }: Step): void {
    this.count(activity);
    if (activity === 'O_CREATED') this.state.offers += 1;
  }

  @EventHandler()
  work_done({ activity }: Step): void {
    this.count(activity);
  }

  private count(activity: string): void {
    const { activities } = this.state;
    activities[activity] = (activities[activity] ?? 0) + 1;
  }
}
