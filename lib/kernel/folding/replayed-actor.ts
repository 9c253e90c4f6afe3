import { type ActorBase, type ActorContext, bindContext } from '../declaring/actor.js';
import type { ActorDefinition } from '../defining/actor-definition.js';
import { TurnError } from '../values/errors.js';
import type { EventRecord } from '../values/event.js';
import { ActorState } from './actor-state.js';

/** An actor that only looks at its past: an instance made for this alone, folding event after event; it can fire nothing. */
export class ReplayedActor implements ActorContext {
  readonly id: string;
  readonly #state: ActorState;

  constructor(definition: ActorDefinition, actor: ActorBase<object, object>, id: string, streamId: string) {
    this.id = id;
    bindContext(actor, this);
    this.#state = new ActorState(definition, actor, streamId);
  }

  /** What the actor sees of its state. */
  get state(): object {
    return this.#state.tree.view;
  }

  /** The state as it is now, frozen. */
  frozen(): object {
    return this.#state.tree.frozen();
  }

  /** @throws HandlerError. */
  apply(event: EventRecord): void {
    this.#state.apply(event, event.version, false);
  }

  replaceState(state: object): void {
    this.#state.tree.replace(state);
  }

  fire(): never {
    throw new TurnError('a replay only looks at the past: nothing can be fired in it');
  }

  startTicking(): never {
    throw new TurnError('a replay only looks at the past: nothing can be started in it');
  }

  stopTicking(): never {
    throw new TurnError('a replay only looks at the past: nothing can be stopped in it');
  }

  listenTo(): never {
    throw new TurnError('a replay only looks at the past: it can listen to nothing');
  }

  commit(): never {
    throw new TurnError('a replay only looks at the past: nothing can be stored in it');
  }
}
