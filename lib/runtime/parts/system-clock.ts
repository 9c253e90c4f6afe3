import { type Environment, SYSTEM } from '../../engine/environment/index.js';
import { Clock, Ids } from '../../kernel/values/index.js';

/** The machine's clock. */
export class SystemClock extends Clock {
  readonly #environment: Environment;

  constructor(environment: Environment = SYSTEM) {
    super();
    this.#environment = environment;
  }

  now(): number {
    return this.#environment.now();
  }
}

/** Random UUIDs (RFC 9562, version 4). */
export class RandomIds extends Ids {
  readonly #environment: Environment;

  constructor(environment: Environment = SYSTEM) {
    super();
    this.#environment = environment;
  }

  next(): string {
    return this.#environment.uuid();
  }
}
