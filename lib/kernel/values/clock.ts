/** Where the library gets time from; inject it into an actor to have time under the test's control. */
export abstract class Clock {
  /** Milliseconds since 1970, for what people read (`metadata.at`). */
  abstract now(): number;
}

/** Where the library gets ids from; inject it into an actor to have ids under the test's control. */
export abstract class Ids {
  /** A new id, unique in the world (a UUID unless a test says otherwise). */
  abstract next(): string;
}
