/** The source of wall-clock time. Inject it into an actor so that tests can control time. */
export abstract class Clock {
  /** The current time, in milliseconds since 1970-01-01 UTC. It is used for what people read (`metadata.at`). */
  abstract now(): number;
}

/** The source of ids. Inject it into an actor so that tests can control ids. */
export abstract class Ids {
  /** Returns a new, globally unique id. By default it is a UUID. */
  abstract next(): string;
}
