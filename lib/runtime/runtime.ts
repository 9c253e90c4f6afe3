import type { Engine } from '../engine/engine.js';
import type { ActorBase } from '../kernel/actor.js';
import type { Clock, Ids } from '../kernel/clock.js';
import type { ActorDefinition, ActorKind } from '../kernel/definition.js';
import { duplicateActor, OmniscientError, ShuttingDownError } from '../kernel/errors.js';
import type { ParkedData } from '../kernel/hearing.js';
import { ActorHost } from './actor-host.js';
import { ActorRepository } from './actor-repository.js';
import { AuditTrail } from './audit-trail.js';
import { Cluster } from './cluster/cluster.js';
import type { ErrorClass } from './cluster/error-codec.js';
import { LeaderElection } from './cluster/leader-election.js';
import type { RemoteCall, Reply } from './cluster/remote-calls.js';
import { type Follower, healthOf, lagOf, type NodeHealth } from './health.js';
import { Dispatcher } from './listening/dispatcher.js';
import type { NodeParts } from './node-parts.js';
import { ParkedEvents, type ParkedOwner } from './parked-events.js';
import { Projections } from './projections/projections.js';
import { Residents } from './residents.js';
import { checkedLimits, type Log, type RuntimeLimits, type RuntimeParts } from './settings.js';
import { EventSubscriptions } from './subscriptions.js';
import { RandomIds, SystemClock } from './system-clock.js';
import type { ObservedNode, Telemetry } from './telemetry/telemetry.js';
import type { TickRole } from './ticks/tick-role.js';
import { TickScheduler } from './ticks/tick-scheduler.js';
import { UnknownEvents } from './unknown-events.js';

/** What a node is made of; all but the engine has a default. */
export interface RuntimeOptions extends Partial<RuntimeLimits> {
  engine: Engine;
  /** This process among the cluster's, in metadata and logs. Default: a random UUID. */
  nodeId?: string;
  clock?: Clock;
  ids?: Ids;
  log?: Log;
  /** Classes of errors that commands of a `OneActor` throw, so that they arrive as what they are on other nodes. */
  errors?: readonly ErrorClass[];
  /** Whether events that no registered class knows are told in the log, once a name. Default true. */
  warnsOfUnknownEvents?: boolean;
  /** Who hears of all that this node does. Default: nobody. */
  telemetry?: Telemetry | undefined;
}

/** How often shutdown looks whether everything accepted is stored. */
const DRAIN_LOOK_MS = 2;

/** One running node: its engine, its actors, its subscriptions. Knows nothing of Nest. */
export class Runtime {
  readonly subscriptions: EventSubscriptions;
  readonly trail: AuditTrail;
  readonly parts: NodeParts;
  readonly election: LeaderElection;
  readonly projections: Projections;
  readonly parked: ParkedEvents;
  readonly #residents: Residents;
  readonly #hosts = new Map<string, { host: ActorHost; repository: ActorRepository<ActorBase<object, object>> }>();
  readonly #dispatchers: Dispatcher[] = [];
  #begun = false;
  #unobserve: (() => void) | undefined;
  #draining: Promise<void> | undefined;

  constructor(options: RuntimeOptions) {
    const parts = partsOf(options);
    const cluster = new Cluster(parts, options.errors ?? []);
    cluster.calls.serveWith((call) => this.#serve(call));
    const ticks = new TickScheduler(parts, cluster, (actor, id) => this.#activateTicking(actor, id));
    this.parts = {
      ...parts,
      cluster,
      ticks,
      unknownEvents: new UnknownEvents(parts.log, options.warnsOfUnknownEvents),
    };
    this.election = new LeaderElection(parts, cluster);
    this.projections = new Projections(this.parts, this.election);
    this.parked = new ParkedEvents(this.parts, (data) => this.#ownerOf(data));
    this.#residents = new Residents(this.parts.limits);
    this.subscriptions = new EventSubscriptions(this.parts);
    this.trail = new AuditTrail(this.parts);
  }

  /** @throws EngineError that says what to do. */
  async start(): Promise<void> {
    await this.parts.engine.open();
    this.#unobserve = this.parts.telemetry?.observe(this.#observed());
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
    this.parts.unknownEvents.learn(definition);
    const host = new ActorHost(definition, this.parts, this.#residents, newActor);
    this.#join(definition.kind);
    this.#listen(host);
    const repository = new ActorRepository<A>(host, this.subscriptions);
    this.#hosts.set(definition.name, {
      host,
      repository: repository as unknown as ActorRepository<ActorBase<object, object>>,
    });
    return repository;
  }

  /**
   * Everything is registered: events begin to call actors into life. What is fired after this is heard, whatever crashes.
   *
   * @throws EngineError.
   */
  async begin(): Promise<void> {
    this.#begun = true;
    this.projections.begin();
    await Promise.all(this.#dispatchers.map((dispatcher) => this.#beginOne(dispatcher)));
  }

  /** How this node does. @throws EngineError when the engine does not answer. */
  health(): Promise<NodeHealth> {
    return healthOf(this.parts, this.parked, this.#followers());
  }

  /**
   * Refuses new commands, ends all subscriptions, and waits until everything accepted is stored, `shutdownTimeoutMs` at most; what is left then
   * is logged, and its callers are told. Then `onPassivate` runs for every actor.
   */
  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  /** Drains, leaves the cluster, then closes the engine. */
  async stop(): Promise<void> {
    this.#unobserve?.();
    await this.drain();
    await this.parts.cluster.stop();
    await this.parts.engine.close();
  }

  #followers(): Follower[] {
    return [...this.#dispatchers, ...this.projections.followers];
  }

  #observed(): ObservedNode {
    const hosts = () => [...this.#hosts.values()].map(({ host }) => host);
    const clustered = () => hosts().filter(({ definition }) => definition.kind === 'one');
    return {
      residents: () => hosts().map(({ definition, size }) => [definition.name, size] as const),
      leaderships: () => clustered().map(({ definition, leaderships }) => [definition.name, leaderships] as const),
      elections: () => this.election.led,
      subscriptions: () => this.subscriptions.size,
      lag: () => this.#lag(),
      parked: () => this.parked.count(),
    };
  }

  async #lag(): Promise<Record<string, number>> {
    const lastPosition = await this.parts.engine.lastPosition();
    const subscriptions = this.subscriptions.lag(lastPosition);
    const lag = await lagOf(lastPosition, this.#followers());
    return subscriptions === undefined ? lag : { ...lag, subscriptions };
  }

  /** Begins to be seen by the others, in the background: what needs it waits for it. */
  #join(kind: ActorKind): void {
    if (!CLUSTERED.has(kind)) return;
    this.parts.cluster.start().catch(() => {});
    if (kind === 'tick') this.parts.ticks.start();
  }

  #listen(host: ActorHost): void {
    const { name: actorName, listens, upcasts } = host.definition;
    if (!listens.some(({ to }) => to)) return;
    const load = async (id: string) => (await host.activate(id)).listen();
    const checkId = (id: unknown) => void host.streamIdOf(id as string);
    const dispatcher = new Dispatcher({ actorName, listens, upcasts, checkId, load }, this.parts);
    this.#dispatchers.push(dispatcher);
    if (!this.#begun) return;
    // A module that was loaded late.
    this.#beginOne(dispatcher).catch((error: unknown) => this.parts.log.error(`${actorName} can't listen`, error));
  }

  /** Who can try a parked event again. */
  async #ownerOf({ actor, actorId, by }: ParkedData): Promise<ParkedOwner | undefined> {
    if (by !== undefined) return this.#dispatchers.find(({ name }) => name === by)?.undelivered;
    const host = this.#hosts.get(actor)?.host;
    return host ? (await host.activate(actorId)).listen().reactions : this.projections.runner(actor);
  }

  async #beginOne(dispatcher: Dispatcher): Promise<void> {
    await dispatcher.prepare();
    dispatcher.start(this.election);
  }

  /** Runs a command that another node sent here. */
  async #serve(call: RemoteCall): Promise<Reply> {
    const { cluster } = this.parts;
    const refused: Reply = { kind: 'refused', version: 0, leaving: cluster.leaving };
    const host = this.#hosts.get(call.actor)?.host;
    if (cluster.leaving || !host) return refused;
    try {
      const { leader } = await host.activate(call.id);
      return leader ? await leader.serve(call) : refused;
    } catch (error) {
      return { kind: 'failed', version: 0, error: cluster.errors.encode(error) };
    }
  }

  async #activateTicking(actor: string, id: string): Promise<TickRole | undefined> {
    const host = this.#hosts.get(actor)?.host;
    return host && (await host.activate(id)).ticks;
  }

  async #drain(): Promise<void> {
    const hosts = [...this.#hosts.values()].map(({ host }) => host);
    for (const host of hosts) {
      host.closing = true;
      host.stopListening();
    }
    this.parts.ticks.stop();
    await this.election.resignAll();
    await this.parts.cluster.leave();
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

/** Kinds of actors that need to know the other nodes. */
const CLUSTERED: ReadonlySet<ActorKind> = new Set<ActorKind>(['one', 'tick']);

function partsOf(options: RuntimeOptions): RuntimeParts {
  const { engine, nodeId, clock, ids, log, telemetry, errors: _errors, ...limits } = options;
  const parts = { engine, clock: clock ?? new SystemClock(), ids: ids ?? new RandomIds(), log: log ?? consoleLog };
  return { ...parts, telemetry, nodeId: nodeId ?? new RandomIds().next(), limits: checkedLimits(limits) };
}

const consoleLog: Log = {
  warn: (message, error) => console.warn(message, error ?? ''),
  error: (message, error) => console.error(message, error ?? ''),
};

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
