import { Injectable, type MessageEvent } from '@nestjs/common';
import { ActorRepository, InjectActor } from 'omniscient-nest';
import { distinctUntilChanged, map, merge, type Observable, switchMap } from 'rxjs';
import { User } from '../users/user.js';
import { Payment } from './payment.js';

/** How many of a user's payments are shown, newest first. */
const PAYMENTS_SHOWN_MAX = 5;

/** A user's payments, as they go on. */
@Injectable()
export class PaymentsFeed {
  constructor(
    @InjectActor(User) private readonly users: ActorRepository<User>,
    @InjectActor(Payment) private readonly payments: ActorRepository<Payment>,
  ) {}

  messages$(user: string): Observable<MessageEvent> {
    return this.users.state$(user).pipe(
      map(({ payments }) => payments),
      distinctUntilChanged(), // states share what did not change
      switchMap((all) => merge(...all.slice(-PAYMENTS_SHOWN_MAX).map((id) => this.payment$(id)))),
    );
  }

  private payment$(id: string): Observable<MessageEvent> {
    return this.payments.state$(id).pipe(map((state) => ({ type: 'payment', data: { ...state, payment: id } })));
  }
}
