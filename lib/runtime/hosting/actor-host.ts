import { detached, timeSlicesOf } from '../../engine/environment/index.js';
import type { ActorBase } from '../../kernel/declaring/index.js';
import type { ActorDefinition, CommandDefinition, CommandMethod } from '../../kernel/defining/index.js';
import { ShuttingDownError } from '../../kernel/values/index.js';
import { type ReactivatingSource, Reactivator } from '../listening/index.js';
import { currentTurn, type TurnOwner } from '../turn/index.js';
import type { Activation } from './activation.js';
import type { ActivationHost } from './activation-host.js';
import { loadActivation, loadPersistently } from './loader.js';
import type { NodeParts } from './node-parts.js';
import type { ResidentHost, Residents } from './residents.js';
import { ROLES } from './roles.js';
import { Snapshots } from './snapshots.js';
import { submit } from './submission.js';

/** Keeps the activations of one actor class on this node: at most one for each id. */
export class ActorHost implements ActivationHost<Activation>, ResidentHost {
  readonly passivateAfterMs: number;
  readonly snapshots: Snapshots;
  readonly roles = ROLES;
  closing = false;
  readonly #residents: Residents;
  readonly #activations = new Map<string, Activation>();
  readonly #loading = new Map<string, Loading>();
  readonly #passivating = new Map<Activation, Promise<void>>();
  /** Why an activation was given up. */
  readonly #brokenBy = new WeakMap<Activation, unknown>();
  /** Passivated actors that still listen. */
  readonly #reactivators = new Map<string, Reactivator>();

  constructor(
    readonly definition: ActorDefinition,
    readonly parts: NodeParts,
    residents: Residents,
    readonly newActor: NewActor,
  ) {
    this.#residents = residents;
    this.passivateAfterMs = definition.options.passivateAfterMs ?? parts.limits.passivateAfterMs;
    this.snapshots = new Snapshots(definition, parts);
  }

  streamIdOf(id: string): string {
    return this.parts.prefixes.streamIdOf(this.definition, id);
  }

  /** How many activations are loaded. */
  get size(): number {
    return this.#activations.size;
  }

  /** How many of them this node leads. */
  get leaderships(): number {
    if (this.definition.kind !== 'one') return 0;
    return [...this.#activations.values()].filter(({ leader }) => leader?.leads).length;
  }

  /** The actors that have work or deliveries, or that are being loaded or passivated, as logs name them. */
  *atWork(): Generator<string> {
    for (const { label } of [...this.#loading.values(), ...this.#passivating.keys()]) yield label;
    for (const { label, settled, listening, feed } of this.#activations.values()) {
      if (!settled || listening?.behind || feed?.reading) yield label;
    }
  }

  /** The live activation of this id, if it is loaded. */
  resident(id: string): Activation | undefined {
    return this.#activations.get(id);
  }

  /** The activation of this id, loaded and live. */
  activate(id: string): Promise<Activation> {
    const resident = this.#activations.get(id);
    if (resident) {
      resident.used = true;
      return Promise.resolve(resident);
    }
    const turn = currentTurn();
    if (!turn && this.closing) return Promise.reject(new ShuttingDownError());
    const loading = this.#loading.get(id) ?? this.#load(id, this.streamIdOf(id));
    // While it loads, its `onActivate` runs and may call back.
    turn?.waitFor(loading.loaded, loading);
    return loading.loaded;
  }

  /** Gives a command to a loaded actor. The promise settles when its commit is durable or has failed. */
  submit(activation: Activation, command: CommandDefinition, args: readonly unknown[]): Promise<unknown> {
    return submit(activation, this, command, args);
  }

  async passivate(activation: Activation): Promise<void> {
    const under = this.#passivating.get(activation);
    if (under) return under;
    if (!activation.alive || !activation.idle) return;
    const passivateNow = this.#passivateNow(activation).finally(() => this.#passivating.delete(activation));
    this.#passivating.set(activation, passivateNow);
    await passivateNow;
  }

  busy(activation: Activation): void {
    this.#residents.busy(activation);
  }

  confirmed(activation: Activation): void {
    this.snapshots.saveIfDue(activation);
  }

  broke(activation: Activation, error: unknown): void {
    const again = 'it is loaded again for the next command, or for the next event that it listens to';
    this.parts.log.error(`${activation.label}: this activation failed and is given up; ${again}`, error);
    this.#brokenBy.set(activation, error);
    this.#endListening(activation, error);
  }

  gone(activation: Activation): void {
    this.#residents.remove(activation);
    if (this.#activations.get(activation.id) === activation) this.#activations.delete(activation.id);
  }

  /** Runs every `onPassivate` and ends all activations. It is for shutdown, after everything has settled. */
  async close(error: unknown): Promise<void> {
    await Promise.allSettled([...this.#loading.values()].map(({ loaded }) => loaded));
    const slices = timeSlicesOf(this.parts.environment);
    const passivated: Promise<void>[] = [];
    for (const activation of this.#activations.values()) {
      if (slices.isTimeUp) await slices.turn();
      passivated.push(this.passivate(activation));
    }
    await Promise.all(passivated);
    for (const activation of this.#activations.values()) {
      if (slices.isTimeUp) await slices.turn();
      activation.end(error);
    }
  }

  /** Stops all listening. Deliveries that are being handled are finished. */
  async stopListening(): Promise<void> {
    const slices = timeSlicesOf(this.parts.environment);
    for (const reactivator of this.#reactivators.values()) {
      if (slices.isTimeUp) await slices.turn();
      reactivator.stop();
    }
    this.#reactivators.clear();
    for (const { listening } of this.#activations.values()) {
      if (slices.isTimeUp) await slices.turn();
      listening?.stop();
    }
  }

  #load(id: string, streamId: string): Loading {
    const label = `${this.definition.name} '${id}'`;
    let made: Activation | undefined;
    const loaded = new Promise<Activation>((resolve, reject) => {
      // Many turns may wait for this loading, so it belongs to none of them.
      detached(() => {
        const load = () =>
          loadActivation(this, this.snapshots, { id, streamId }, this.newActor, (activation) => {
            made = activation;
          });
        loadPersistently(this, label, load).then((activation) => {
          // An event that came at the last moment could not be applied.
          if (!activation.alive) {
            reject(this.#brokenBy.get(activation));
            return;
          }
          this.#activations.set(id, activation);
          this.#stopReactivator(id);
          this.#residents.add(activation, this);
          resolve(activation);
        }, reject);
      });
    });
    const loading: Loading = {
      label,
      loaded: loaded.finally(() => this.#loading.delete(id)),
      get running() {
        return made?.running;
      },
    };
    this.#loading.set(id, loading);
    return loading;
  }

  async #passivateNow(activation: Activation): Promise<void> {
    const { actor } = activation;
    try {
      const here = !activation.leader || activation.leader.leads;
      if (actor.onPassivate && here)
        await activation.decide('onPassivate', actor.onPassivate as CommandMethod, 'reapply');
    } catch (error) {
      this.parts.log.error(`${activation.label}: onPassivate failed; the activation ends all the same`, error);
    }
    // It may have been used while the hook ran.
    if (!activation.alive || !activation.idle) return;
    this.#endListening(activation, new ShuttingDownError());
  }

  /** Ends an activation. Events that it listens to reactivate the actor. */
  #endListening(activation: Activation, error: unknown): void {
    const sources = activation.listening ? [...activation.listening.listeningTo()] : [];
    activation.end(error);
    this.#reactivateOnEvents(activation.id, sources);
  }

  #reactivateOnEvents(id: string, sources: readonly ReactivatingSource[]): void {
    if (sources.length === 0 || this.closing) return;
    this.#stopReactivator(id);
    const reactivate = async () => this.closing || this.activate(id);
    const failed = (error: unknown) => {
      const who = `${this.definition.name} '${id}'`;
      this.parts.log.error(
        `${who}: an event came that it listens to, but it could not be loaded; loading is retried`,
        error,
      );
    };
    this.#reactivators.set(id, new Reactivator(this.parts, sources, reactivate, failed));
    const [oldest] = this.#reactivators.keys();
    if (this.#reactivators.size > REACTIVATORS_MAX && oldest !== undefined) this.#stopReactivator(oldest);
  }

  #stopReactivator(id: string): void {
    this.#reactivators.get(id)?.stop();
    this.#reactivators.delete(id);
  }
}

/**
 * How many passivated actors of a class can be reactivated by events. Beyond that, the longest-waiting one is loaded
 * only when somebody asks for it.
 */
const REACTIVATORS_MAX = 100_000;

/**
 * Makes an instance with everything injected. It returns a promise only while the dependencies are not resolved yet.
 */
export type NewActor = () => ActorBase<object, object> | Promise<ActorBase<object, object>>;

/** An actor that is being loaded. Whoever waits for it may be waiting for the turn of its `onActivate`. */
interface Loading extends TurnOwner {
  readonly loaded: Promise<Activation>;
}
