import type { ActorBase } from '../../kernel/declaring/index.js';
import { type ActorDefinition, type ActorKind, Prefixes } from '../../kernel/defining/index.js';
import type { ParkedData } from '../../kernel/framework/index.js';
import { duplicateActor } from '../../kernel/values/index.js';
import { Cluster, type RemoteCall, type Reply } from '../cluster/index.js';
import { type Consumer, ParkedEvents, type ParkedOwner } from '../delivery/index.js';
import { Dispatcher } from '../dispatching/index.js';
import { type Activation, ActorHost, type NodeParts, Residents } from '../hosting/index.js';
import { beforeLookingUp, LeaderElection } from '../leading/index.js';
import { type ObservedNode, UnknownEvents } from '../parts/index.js';
import { Projections, projectionStream } from '../projecting/index.js';
import { ActorRepository } from '../refs/index.js';
import { AuditTrail, EventSubscriptions } from '../subscribing/index.js';
import { type TickRole, TickScheduler } from '../ticking/index.js';
import { healthOf, lagOf, type NodeHealth } from './health.js';
import { partsOf, type RuntimeOptions } from './runtime-options.js';
import { passivateAll, settleAll, untilOrLate } from './shutdown.js';

/** A running node: its engine, its actors, its subscriptions. It knows nothing of Nest. */
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
    const ticks = new TickScheduler(parts, cluster, (actor, id) => this.#activateTicking(actor, id), options.tickTime);
    this.parts = {
      ...parts,
      cluster,
      ticks,
      unknownEvents: new UnknownEvents(parts.log, options.warnsOfUnknownEvents),
      prefixes: new Prefixes(),
    };
    this.election = new LeaderElection(parts, cluster);
    this.projections = new Projections(this.parts, this.election);
    this.parked = new ParkedEvents(this.parts, (data, streamId) => this.#ownerOf(data, streamId));
    this.#residents = new Residents(this.parts.limits, this.parts.environment);
    this.subscriptions = new EventSubscriptions(this.parts);
    this.trail = new AuditTrail(this.parts);
  }

  /** Opens the engine. @throws EngineError that says what to do. */
  async start(): Promise<void> {
    await this.parts.engine.open();
    this.#unobserve = this.parts.telemetry?.observe(this.#observed());
  }

  /** How many activations are loaded. */
  get residents(): number {
    return this.#residents.size;
  }

  /** The loaded activations, for tests that compare every replica with its stream. */
  loaded(): readonly Activation[] {
    return this.#residents.all();
  }

  /**
   * Registers a class. Registering the same class again returns the same repository.
   *
   * @throws RegistrationError (`DUPLICATE_ACTOR`, `PREFIX_OVERLAP`) when it collides with another class.
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
    this.parts.prefixes.add(definition);
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
   * Records where each routed listener begins, once everything is registered. Listeners get every event that is fired after this, whatever crashes.
   *
   * @throws EngineError.
   */
  async prepare(): Promise<void> {
    await Promise.all(this.#dispatchers.map((dispatcher) => dispatcher.prepare()));
  }

  /**
   * Starts dispatching events and running projections, once everything that they use is ready. It prepares first, if that was not done.
   *
   * @throws EngineError.
   */
  async begin(): Promise<void> {
    this.#begun = true;
    this.parts.begun.open();
    this.projections.begin();
    await Promise.all(this.#dispatchers.map((dispatcher) => this.#beginOne(dispatcher)));
  }

  /**
   * Everything that has work or undelivered events on this node, as logs name it. An empty answer may be outdated a moment later: an event may be on its way.
   */
  atWork(): string[] {
    const called = this.#dispatchers.filter(({ behind }) => behind);
    const hosts = [...this.#hosts.values()].flatMap(({ host }) => [...host.atWork()]);
    return [...called.map(({ name }) => name), ...hosts];
  }

  /** Whether it accepts no more commands. */
  get draining(): boolean {
    return this.#draining !== undefined;
  }

  /** The health of this node. @throws EngineError when the engine does not answer. */
  health(): Promise<NodeHealth> {
    return healthOf(this.parts, this.parked, this.#consumers());
  }

  /**
   * Refuses new commands, ends all subscriptions, and waits until everything accepted is stored, at most `shutdownTimeoutMs`. Whatever is left then is logged,
   * and its callers get an error. Then `onPassivate` runs for every actor, at most for the same time again.
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

  #consumers(): Consumer[] {
    return [...this.#dispatchers, ...this.projections.consumers];
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
    const lag = await lagOf(lastPosition, this.#consumers());
    return subscriptions === undefined ? lag : { ...lag, subscriptions };
  }

  /** Joins the cluster in the background. Whatever needs it waits for it. */
  #join(kind: ActorKind): void {
    if (!CLUSTERED.has(kind)) return;
    this.parts.cluster.start().catch(() => {});
    if (kind === 'tick') void this.parts.begun.opened.then(() => this.parts.ticks.start());
  }

  #listen(host: ActorHost): void {
    const { name: actorName, listens, upcasts } = host.definition;
    if (!listens.some(({ to }) => to)) return;
    const load = async (id: string) => (await host.activate(id)).listen();
    const checkId = (id: unknown) => void host.streamIdOf(id as string);
    const dispatcher = new Dispatcher({ actorName, listens, upcasts, checkId, load }, this.parts);
    this.#dispatchers.push(dispatcher);
    if (!this.#begun) return;
    // The module was loaded late.
    this.#beginOne(dispatcher).catch((error: unknown) =>
      this.parts.log.error(`${actorName}: its listeners could not be started`, error),
    );
  }

  /** Finds the owner that can retry a parked event: the one that parked it, even if an actor class and a projection have the same name. */
  async #ownerOf({ actor, actorId, by }: ParkedData, streamId: string): Promise<ParkedOwner | undefined> {
    if (by !== undefined) return this.#dispatchers.find(({ name }) => name === by)?.undelivered;
    if (streamId === projectionStream(actor)) return this.projections.runner(actor);
    const host = this.#hosts.get(actor)?.host;
    return host && (await host.activate(actorId)).listen().reactions;
  }

  async #beginOne(dispatcher: Dispatcher): Promise<void> {
    await dispatcher.prepare();
    dispatcher.start(this.election);
  }

  /** Runs a command that another node sent here. */
  async #serve(call: RemoteCall): Promise<Reply> {
    const { cluster } = this.parts;
    await this.parts.begun.opened;
    const host = this.#hosts.get(call.actor)?.host;
    // This node may lead a stream that several classes share without having all of them registered.
    const unregistered = host?.definition.kind !== 'one';
    const refused: Reply = { kind: 'refused', version: 0, leaving: cluster.leaving, unregistered };
    if (cluster.leaving || unregistered) return refused;
    try {
      const { leader } = await host.activate(call.id);
      return leader ? await leader.serve(call) : refused;
    } catch (error) {
      const reported = beforeLookingUp(`${call.actor} '${call.id}'`, call, error);
      return { kind: 'failed', version: 0, error: cluster.errors.encode(reported) };
    }
  }

  async #activateTicking(actor: string, id: string): Promise<TickRole | undefined> {
    const host = this.#hosts.get(actor)?.host;
    return host && (await host.activate(id)).ticks;
  }

  async #drain(): Promise<void> {
    const hosts = [...this.#hosts.values()].map(({ host }) => host);
    for (const host of hosts) host.closing = true;
    this.parts.ticks.stop();
    for (const host of hosts) await host.stopListening();
    await this.election.resignAll();
    // Once the others know that this node leaves, they may retry the same events.
    await untilOrLate(() => this.projections.retrying === 0, this.parts);
    await this.parts.cluster.leave();
    // Calls from other nodes may wait at the gate.
    this.parts.begun.open();
    await settleAll(this.#residents, this.parts);
    await passivateAll(hosts, this.#residents, this.parts);
    this.subscriptions.close();
    this.projections.close();
    this.#residents.close();
  }
}

export type { RuntimeOptions };

/** The kinds of actors that need to know the other nodes. */
const CLUSTERED: ReadonlySet<ActorKind> = new Set<ActorKind>(['one', 'tick']);
