import { type ActorBase, bindContext } from '../kernel/actor.js';
import { ActorState } from '../kernel/actor-state.js';
import type { ActorDefinition } from '../kernel/definition.js';
import { TurnError } from '../kernel/errors.js';
import type { EventRecord } from '../kernel/event.js';
import { compare } from './comparison.js';

/** How to load an actor again from its events. */
export interface ReplayPlan {
  readonly definition: ActorDefinition;
  readonly id: string;
  readonly streamId: string;
  readonly events: readonly EventRecord[];
  /** Makes an instance for this alone. */
  readonly newActor: () => ActorBase<object, object>;
}

/** The state after each event, the initial one first: what a fresh load from the stored events gives. @throws HandlerError. */
export function replayedStates({ definition, id, streamId, events, newActor }: ReplayPlan): object[] {
  const actor = newActor();
  let state: ActorState | undefined;
  bindContext(actor, {
    id,
    get state() {
      return (state as ActorState).tree.view;
    },
    replaceState: (next) => (state as ActorState).tree.replace(next),
    fire: refuse,
    commit: refuse,
  });
  state = new ActorState(definition, actor, streamId);
  const states = [state.tree.frozen()];
  for (const event of events) {
    state.apply(event, event.version, false);
    states.push(state.tree.frozen());
  }
  return states;
}

/** Where two replays of the same events part: the number of events before it (0: at the initial state), or -1. */
export function firstParting(once: readonly object[], again: readonly object[]): number {
  return once.findIndex((state, i) => compare(state, again[i]).is !== 'same');
}

function refuse(): never {
  throw new TurnError('a replay only looks at the past: nothing can be fired in it');
}
