import { randomUUID } from 'node:crypto';
import { Clock, Ids } from '../kernel/clock.js';

/** The machine's clock. */
export class SystemClock extends Clock {
  now(): number {
    return Date.now();
  }
}

/** Random UUIDs (RFC 9562, version 4). */
export class RandomIds extends Ids {
  next(): string {
    return randomUUID();
  }
}
