import { READ_PAGE_EVENTS_MAX } from '../engine/read.js';
import type { ActorBase } from '../kernel/actor.js';
import { OmniscientError } from '../kernel/errors.js';
import type { EventRecord } from '../kernel/event.js';
import { PastActor } from '../kernel/past-actor.js';
import type { DeepReadonly, EventOf, StateOf } from '../kernel/types.js';
import type { ActorHost } from './actor-host.js';
import { decodeEvent, todaysEvent } from './event-codec.js';

/** One step of a replay: an event, and the frozen state after it. */
export interface ReplayStep<A> {
  readonly event: EventOf<A>;
  readonly state: DeepReadonly<StateOf<A>>;
}

/** Folds a stream from its first event in an instance made for this alone. Ends after version or time `until`. */
export async function* replayStream<A extends ActorBase<object, object>>(
  host: ActorHost,
  id: string,
  until: number | Date | string | undefined,
): AsyncGenerator<ReplayStep<A>, void, undefined> {
  const goesOn = limitOf(until);
  const { upcasts } = host.definition;
  const streamId = host.streamIdOf(id);
  const past = new PastActor(host.definition, await host.newActor(), id, streamId);
  let version = 0;
  for (;;) {
    const page: EventRecord[] = await host.parts.engine.readStream(streamId, version, READ_PAGE_EVENTS_MAX);
    if (page.length === 0) return;
    for (const record of page) {
      const event = decodeEvent(record);
      if (!goesOn(event)) return;
      past.apply(record);
      version = record.version;
      yield { event: todaysEvent(upcasts, event) as EventOf<A>, state: past.frozen() as DeepReadonly<StateOf<A>> };
    }
  }
}

function limitOf(until: number | Date | string | undefined): (event: ReturnType<typeof decodeEvent>) => boolean {
  if (until === undefined) return () => true;
  if (typeof until === 'number') return (event) => event.version <= until;
  const untilMs = new Date(until).getTime();
  if (Number.isNaN(untilMs)) {
    throw new OmniscientError(
      'INVALID_UNTIL',
      `replay: 'until' must be a version, a Date or an ISO time, but got '${String(until)}'`,
    );
  }
  return (event) => Date.parse(event.metadata.at) <= untilMs;
}
