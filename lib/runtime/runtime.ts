import type { Engine } from '../engine/engine.js';
import type { ActorBase } from '../kernel/actor.js';
import type { Clock, Ids } from '../kernel/clock.js';
import type { ActorDefinition } from '../kernel/definition.js';
import { duplicateActor, OmniscientError, RegistrationError, ShuttingDownError } from '../kernel/errors.js';
import { ActorHost } from './actor-host.js';
import { ActorRepository } from './actor-repository.js';
import { Residents } from './residents.js';
import { DEFAULT_LIMITS, type Log, type RuntimeLimits, type RuntimeParts } from './settings.js';
import { EventSubscriptions } from './subscriptions.js';
import { RandomIds, SystemClock } from './system-clock.js';

/** What a node is made of; all but the engine has a default. */
export interface RuntimeOptions extends Partial<RuntimeLimits> {
  engine: Engine;
  /** This process among the cluster's, in metadata and logs. Default: a random UUID. */
  nodeId?: string;
  clock?: Clock;
  ids?: Ids;
  log?: Log;
}

/** How often shutdown looks whether everything accepted is stored. */
const DRAIN_LOOK_MS = 2;

/** One running node: its engine, its actors, its subscriptions. Knows nothing of Nest. */
export class Runtime {
  readonly subscriptions: EventSubscriptions;
  readonly parts: RuntimeParts;
  readonly #residents: Residents;
  readonly #hosts = new Map<string, { host: ActorHost; repository: ActorRepository<ActorBase<object, object>> }>();
  #draining: Promise<void> | undefined;

  constructor(options: RuntimeOptions) {
    this.parts = partsOf(options);
    this.#residents = new Residents(this.parts.limits);
    this.subscriptions = new EventSubscriptions(this.parts);
  }

  /** @throws EngineError that says what to do. */
  async start(): Promise<void> {
    await this.parts.engine.open();
  }

  /** How many activations are loaded. */
  get residents(): number {
    return this.#residents.size;
  }

  /**
   * Makes a class known; again for the same class is the same.
   *
   * @throws RegistrationError when another class has its name.
   */
  register<A extends ActorBase<object, object>>(
    definition: ActorDefinition,
    newActor: () => A | Promise<A>,
  ): ActorRepository<A> {
    const known = this.#hosts.get(definition.name);
    if (known && known.host.definition.actorClass !== definition.actorClass) {
      throw duplicateActor(definition.name);
    }
    if (known) return known.repository as unknown as ActorRepository<A>;
    const host = new ActorHost(definition, this.parts, this.#residents, newActor);
    const repository = new ActorRepository<A>(host, this.subscriptions);
    this.#hosts.set(definition.name, {
      host,
      repository: repository as unknown as ActorRepository<ActorBase<object, object>>,
    });
    return repository;
  }

  /**
   * Refuses new commands, ends all subscriptions, and waits until everything accepted is stored, `shutdownTimeoutMs` at most; what is left then
   * is logged, and its callers are told. Then `onPassivate` runs for every actor.
   */
  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  /** Drains, then closes the engine. */
  async stop(): Promise<void> {
    await this.drain();
    await this.parts.engine.close();
  }

  async #drain(): Promise<void> {
    const hosts = [...this.#hosts.values()].map(({ host }) => host);
    for (const host of hosts) host.closing = true;
    const deadlineMs = Date.now() + this.parts.limits.shutdownTimeoutMs;
    while (this.#residents.unsettled().length > 0 && Date.now() < deadlineMs) await wait(DRAIN_LOOK_MS);
    for (const activation of this.#residents.unsettled()) {
      const error = new OmniscientError(
        'SHUTDOWN_INCOMPLETE',
        `${activation.label}: not everything was stored within ${this.parts.limits.shutdownTimeoutMs} ms (shutdownTimeoutMs) of the ` +
          'shutdown: look at the stream to learn what was',
      );
      this.parts.log.error(error.message);
      activation.end(error);
    }
    await Promise.all(hosts.map((host) => host.close(new ShuttingDownError())));
    this.subscriptions.close();
    this.#residents.close();
  }
}

function partsOf(options: RuntimeOptions): RuntimeParts {
  const { engine, nodeId, clock, ids, log, ...limits } = options;
  const parts = { engine, clock: clock ?? new SystemClock(), ids: ids ?? new RandomIds(), log: log ?? consoleLog };
  return { ...parts, nodeId: nodeId ?? new RandomIds().next(), limits: checkedLimits(limits) };
}

function checkedLimits(given: Partial<RuntimeLimits>): RuntimeLimits {
  const limits = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof RuntimeLimits)[]) {
    const value = given[name];
    if (value === undefined) continue;
    if (typeof value !== 'number' || Number.isNaN(value) || value < (MAY_BE_ZERO.has(name) ? 0 : 1)) {
      throw new RegistrationError(
        'INVALID_OPTION',
        `the option '${name}' must be a ${MAY_BE_ZERO.has(name) ? 'number of at least 0' : 'positive number'}, but got ${String(value)}`,
      );
    }
    limits[name] = value;
  }
  return limits;
}

const MAY_BE_ZERO = new Set<keyof RuntimeLimits>(['snapshotEvery', 'shutdownTimeoutMs']);

const consoleLog: Log = {
  warn: (message, error) => console.warn(message, error ?? ''),
  error: (message, error) => console.error(message, error ?? ''),
};

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
