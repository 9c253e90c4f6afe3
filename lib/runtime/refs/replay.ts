import { timeSlicesOf } from '../../engine/environment/index.js';
import { streamPages } from '../../engine/reading/index.js';
import type { ActorBase, DeepReadonly, EventOf, StateOf } from '../../kernel/declaring/index.js';
import { ReplayedActor } from '../../kernel/folding/index.js';
import { OmniscientError } from '../../kernel/values/index.js';
import { decodeEvent, todaysEvent } from '../events/index.js';
import type { ActorHost } from '../hosting/index.js';

/** One step of a replay: an event, and the frozen state after it. */
export interface ReplayStep<A> {
  readonly event: EventOf<A>;
  readonly state: DeepReadonly<StateOf<A>>;
}

/**
 * Folds a stream from its first event, in an instance made for this alone. It ends after the version or time `until`.
 */
export async function* replayStream<A extends ActorBase<object, object>>(
  host: ActorHost,
  id: string,
  until: number | Date | string | undefined,
): AsyncGenerator<ReplayStep<A>, void, undefined> {
  const goesOn = limitOf(until);
  const { upcasts } = host.definition;
  const streamId = host.streamIdOf(id);
  const past = new ReplayedActor(host.definition, await host.newActor(), id, streamId);
  const { engine, environment } = host.parts;
  const slices = timeSlicesOf(environment);
  for await (const page of streamPages(engine, environment, streamId, 0)) {
    for (const record of page) {
      if (slices.isTimeUp) await slices.turn();
      const event = decodeEvent(record);
      if (!goesOn(event)) return;
      past.apply(record);
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
