import { map, Observable } from 'rxjs';
import type { ActorBase, DeepReadonly, EventOf, StateOf } from '../../kernel/declaring/index.js';
import { todaysEvent } from '../events/index.js';
import type { Activation, ActorHost } from '../hosting/index.js';
import type { EventSubscriptions } from '../subscribing/index.js';
import { subscribersContext } from '../turn/index.js';
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
   * Loads an actor. Every id has an actor: one without events has its initial state and version 0.
   *
   * @param id 1 to 1,000 characters, the class's prefix included.
   * @returns a ref, once the actor is loaded. The ref stays valid when the activation ends.
   * @throws InvalidIdError (`INVALID_ID`) when the id cannot be used.
   * @throws HandlerError (`HANDLER_FAILED`) when its past events cannot be applied.
   * @throws ShuttingDownError (`SHUTTING_DOWN`) while this node shuts down.
   * @throws EngineError when the store cannot be read; also whatever its constructor or `onActivate` throws.
   */
  async get(id: string): Promise<ActorRef<A>> {
    return this.#newRef(this.#host, await this.#host.activate(id));
  }

  /**
   * Whether any event was ever stored on the stream of this id, by whichever class. @throws InvalidIdError,
   * EngineError.
   */
  async exists(id: string): Promise<boolean> {
    return (await this.#host.parts.engine.streamVersion(this.#host.streamIdOf(id))) > 0;
  }

  /**
   * Observes the state: now, and after each change. The actor stays loaded while anybody is subscribed.
   *
   * @param options `confirmed: true` for stored events only; by default pending events are included.
   * @returns a cold observable. It fails with whatever `get` throws, and completes when the node shuts down.
   */
  state$(id: string, options: { confirmed?: boolean } = {}): Observable<DeepReadonly<StateOf<A>>> {
    return observeState(this.#host, id, options.confirmed ? CONFIRMED : SEEN) as Observable<DeepReadonly<StateOf<A>>>;
  }

  /**
   * Observes the events of this id's stream, including those of other classes: past ones, then live ones. Old events
   * come in the form that this class means today.
   *
   * @param options `after`: only events after this version. Default 0: all.
   * @returns a cold observable. It fails with InvalidIdError, with OmniscientError (`INVALID_AFTER`, `UPCAST_FAILED`,
   *   `EVENT_UNREADABLE`) or with EngineError.
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
   * Replays the stream from its first event: yields each event with the state after it. Nothing is stored, and no live
   * actor is touched.
   *
   * @param options `until`: the last version, or the last time (a Date or an ISO 8601 time), to include. Default: all
   *   events.
   * @throws OmniscientError (`INVALID_UNTIL`), InvalidIdError, HandlerError or EngineError.
   */
  replay(id: string, options: { until?: number | Date | string } = {}): AsyncGenerator<ReplayStep<A>, void, undefined> {
    return replayStream<A>(this.#host, id, options.until);
  }
}

/** What a subscription observes: a frozen state, and a number that changes with it. */
interface Look {
  readonly state: (activation: Activation) => object;
  readonly revision: (activation: Activation) => number;
}

const SEEN: Look = { state: (activation) => activation.seen(), revision: (activation) => activation.seenRevision };
const CONFIRMED: Look = {
  state: ({ optimistic }) => optimistic.confirmed(),
  revision: ({ optimistic }) => optimistic.confirmedRevision,
};

/**
 * A cold observable. It loads the actor on subscription, keeps it loaded until the end, and never emits the same state
 * twice in a row.
 */
function observeState(host: ActorHost, id: string, look: Look): Observable<object> {
  return new Observable((subscriber) => {
    // The subscriber's context, not that of whoever changes the state.
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
      // The change may not have affected the state.
      if (state === lastState) return;
      lastState = state;
      context.runInAsyncScope(() => subscriber.next(state));
    };
    // A shutdown of this node completes the observable. It is not an error.
    const fail = (error: unknown) =>
      context.runInAsyncScope(() => (host.closing ? subscriber.complete() : subscriber.error(error)));
    const attach = (activation: Activation): void => {
      if (subscriber.closed) return;
      if (!activation.alive) {
        // It ended between the moment it was loaded and this one.
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
