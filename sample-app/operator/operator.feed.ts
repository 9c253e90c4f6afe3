import { Injectable, type MessageEvent } from '@nestjs/common';
import { EventSourcingHealth, ParkedEvents } from 'omniscient-nest';
import { map, merge, type Observable } from 'rxjs';
import { Bank } from '../bank/bank.js';
import { look$ } from '../common/look.js';

/** How often it is looked what is parked, and how the node does. */
const PARKED_LOOK_MS = 500;
const HEALTH_LOOK_MS = 2_000;

/** What operators look at. */
@Injectable()
export class OperatorFeed {
  readonly messages$: Observable<MessageEvent>;

  constructor(parked: ParkedEvents, health: EventSourcingHealth, bank: Bank) {
    const parked$ = look$(PARKED_LOOK_MS, async () => ({ parked: await parked.list(), isBankBroken: bank.isBroken }));
    const health$ = look$(HEALTH_LOOK_MS, async () => (await health.check('events')).events);
    this.messages$ = merge(
      parked$.pipe(map((data) => ({ type: 'parked', data }))),
      health$.pipe(map((data) => ({ type: 'health', data }))),
    );
  }
}
