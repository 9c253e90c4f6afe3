import type { ActorBase } from '../../kernel/declaring/index.js';
import type { ActorDefinition } from '../../kernel/defining/index.js';
import { ReplayedActor } from '../../kernel/folding/index.js';
import type { EventRecord } from '../../kernel/values/index.js';
import { compareExactly } from '../comparing/index.js';

/**
 * Returns the state after each event, beginning with the initial one, as loading from the stored events would give it.
 *
 * @throws HandlerError.
 */
export function replayedStates({ definition, id, streamId, events, newActor }: ReplayPlan): object[] {
  const past = new ReplayedActor(definition, newActor(), id, streamId);
  const states = [past.frozen()];
  for (const event of events) {
    past.apply(event);
    states.push(past.frozen());
  }
  return states;
}

/** How to load an actor again from its events. */
export interface ReplayPlan {
  readonly definition: ActorDefinition;
  readonly id: string;
  readonly streamId: string;
  readonly events: readonly EventRecord[];
  /** Makes an instance for this replay only. */
  readonly newActor: () => ActorBase<object, object>;
}

/**
 * Returns where two replays of the same events differ first: the number of events before it (0: at the initial state),
 * or -1.
 */
export function firstParting(once: readonly object[], again: readonly object[]): number {
  return once.findIndex((state, i) => compareExactly(state, again[i]).is !== 'same');
}
