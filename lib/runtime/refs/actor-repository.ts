import { map, Observable } from 'rxjs';
import type { ActorBase } from '../../kernel/declaring/actor.js';
import type { DeepReadonly, EventOf, StateOf } from '../../kernel/declaring/types.js';
import { todaysEvent } from '../events/event-codec.js';
import type { Activation } from '../hosting/activation.js';
import type { ActorHost } from '../hosting/actor-host.js';
import type { EventSubscriptions } from '../subscribing/subscriptions.js';
import { subscribersContext } from '../turn/turn.js';
import { type ActorRef, refFactory } from './actor-ref.js';
import { type ReplayStep, replayStream } from './replay.js';

/** Finds the actors of one class by id. Inject it with `@InjectActor(User) users: ActorRepository<User>`. */
export class ActorRepository<A extends ActorBase<object, object>> {
  readonly #host: ActorHost;
  readonly #subscriptions: EventSubscriptions;
  readonly #newRef: (host: ActorHost, activation: Activation) => ActorRef<A>;

  constructor(host: ActorHost, subscriptions: EventSubscriptions) {
    this.#host = host;
    this.#subscriptions = subscriptions;
    this.#newRef = refFactory<A>(host.definition);
  }

  /**
   * The actor with this id, loaded and live. An actor always exists: one that nothing happened to yet has its initial state and version 0.
   *
   * @throws InvalidIdError, HandlerError (its past can't be folded), EngineError, or what its constructor or `onActivate` throws.
   */
  async get(id: string): Promise<ActorRef<A>> {
    return this.#newRef(this.#host, await this.#host.activate(id));
  }

  /** Whether anything was ever stored on the stream of this id, by whichever class. */
  async exists(id: string): Promise<boolean> {
    return (await this.#host.parts.engine.streamVersion(this.#host.streamIdOf(id))) > 0;
  }

  /**
   * The state now, then every state after it: with pending changes, or with `confirmed` only what is stored. The actor stays loaded while
   * anybody is subscribed.
   */
  state$(id: string, options: { confirmed?: boolean } = {}): Observable<DeepReadonly<StateOf<A>>> {
    return observeState(this.#host, id, options.confirmed ? CONFIRMED : SEEN) as Observable<DeepReadonly<StateOf<A>>>;
  }

  /**
   * The events of this id's stream, also those that other classes fired: history after version `after` (default 0: all), then live. Old ones as
   * this class means them today.
   */
  events$(id: string, options: { after?: number } = {}): Observable<EventOf<A>> {
    const { after = 0 } = options;
    return new Observable((subscriber) => {
      const streamId = this.#host.streamIdOf(id);
      const events = this.#subscriptions.stream$(streamId, { after });
      const { upcasts } = this.#host.definition;
      return events.pipe(map((event) => todaysEvent(upcasts, event))).subscribe(subscriber as never);
    });
  }

  /**
   * Time travel: each event of the stream with the state after it, up to and including version or time `until`. Nothing is stored and no
   * live actor is touched.
   */
  replay(id: string, options: { until?: number | Date | string } = {}): AsyncGenerator<ReplayStep<A>, void, undefined> {
    return replayStream<A>(this.#host, id, options.until);
  }
}

/** What a subscription looks at: a frozen state, and a number that changes with it. */
interface Look {
  readonly state: (activation: Activation) => object;
  readonly revision: (activation: Activation) => number;
}

const SEEN: Look = { state: (activation) => activation.seen(), revision: (activation) => activation.seenRevision };
const CONFIRMED: Look = {
  state: ({ optimistic }) => optimistic.confirmed(),
  revision: ({ optimistic }) => optimistic.confirmedRevision,
};

/** Cold: loads the actor on subscription, keeps it loaded until the end, and never emits the same state twice in a row. */
function observeState(host: ActorHost, id: string, look: Look): Observable<object> {
  return new Observable((subscriber) => {
    // Whoever changes the state is not whoever looks at it.
    const context = subscribersContext();
    const release = host.parts.environment.keepAlive();
    let stopObserving: (() => void) | undefined;
    let lastState: object | undefined;
    let lastRevision: number | undefined;
    const emit = (activation: Activation) => {
      const revision = look.revision(activation);
      if (revision === lastRevision) return;
      lastRevision = revision;
      const state = look.state(activation);
      // What happened may have changed nothing.
      if (state === lastState) return;
      lastState = state;
      context.runInAsyncScope(() => subscriber.next(state));
    };
    // That this node leaves is the end, and no error.
    const fail = (error: unknown) =>
      context.runInAsyncScope(() => (host.closing ? subscriber.complete() : subscriber.error(error)));
    const attach = (activation: Activation): void => {
      if (subscriber.closed) return;
      if (!activation.alive) {
        // It was let go between the moment it was loaded and this one.
        load();
        return;
      }
      stopObserving = activation.observe({
        changed: () => emit(activation),
        ended: fail,
      });
      emit(activation);
    };
    const load = () => void host.activate(id).then(attach, fail);
    load();
    return () => {
      release();
      stopObserving?.();
    };
  });
}
