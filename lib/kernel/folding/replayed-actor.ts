import { type ActorBase, type ActorContext, bindContext } from '../declaring/index.js';
import type { ActorDefinition } from '../defining/index.js';
import { type EventRecord, TurnError } from '../values/index.js';
import { ActorState } from './actor-state.js';

/** An actor for a replay: an instance that only folds events one by one and cannot fire any. */
export class ReplayedActor implements ActorContext {
  readonly id: string;
  readonly #state: ActorState;

  constructor(definition: ActorDefinition, actor: ActorBase<object, object>, id: string, streamId: string) {
    this.id = id;
    bindContext(actor, this);
    this.#state = new ActorState(definition, actor, streamId);
  }

  /** The state as the actor's own code sees it. */
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
    throw new TurnError('events cannot be fired in a replay, which only reads the past');
  }

  startTicking(): never {
    throw new TurnError('ticking cannot be started in a replay, which only reads the past');
  }

  stopTicking(): never {
    throw new TurnError('ticking cannot be stopped in a replay, which only reads the past');
  }

  listenTo(): never {
    throw new TurnError('listenTo() cannot be called in a replay, which only reads the past');
  }

  commit(): never {
    throw new TurnError('commit() cannot be called in a replay, which only reads the past');
  }
}
