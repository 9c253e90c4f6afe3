import * as common from '@nestjs/common';
import {
  type DynamicModule,
  type HttpException,
  Inject,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  type Provider,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { SYSTEM } from '../engine/environment/index.js';
import type { ActorBase, ActorClass } from '../kernel/declaring/index.js';
import { defineActor } from '../kernel/defining/index.js';
import { Clock, duplicateActor, Ids, RegistrationError } from '../kernel/values/index.js';
import type { ErrorClass } from '../runtime/cluster/index.js';
import { ParkedEvents } from '../runtime/delivery/index.js';
import { LeaderElection } from '../runtime/leading/index.js';
import { Runtime } from '../runtime/node/index.js';
import { RandomIds, SystemClock } from '../runtime/parts/index.js';
import { Projections } from '../runtime/projecting/index.js';
import { AuditTrail, EventSubscriptions } from '../runtime/subscribing/index.js';
import { loadTelemetry } from '../runtime/telemetry/index.js';
import { ActorFactory } from './actor-factory.js';
import { correlate } from './correlation.js';
import { EventSourcingHealth } from './health.js';
import { getActorToken, OPTIONS, RUNTIME } from './injection.js';
import { LeavingModule, refuseWhileLeaving } from './leaving.js';
import { ActorFactories, Lifecycle } from './lifecycle.js';
import { nestLog } from './nest-log.js';
import type { EventSourcingAsyncOptions, EventSourcingOptions, EventSourcingOptionsFactory } from './options.js';

/**
 * Wires events, actors and subscriptions into a Nest application: `forRoot()` once, in the root module, and
 * `forFeature([User, …])` in each module that injects actors.
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { EventSourcingModule } from 'omniscient-nest';
 * import { SqliteEngine } from 'omniscient-nest/sqlite';
 *
 * @Module({ imports: [EventSourcingModule.forRoot({ engine: new SqliteEngine({ file: './data/shop.db' }) })] })
 * export class AppModule {}
 * ```
 */
@Module({})
export class EventSourcingModule implements NestModule {
  /**
   * Makes this process a node. The module is global: import it once, in the root module.
   *
   * The start of the application fails with an `EngineError` if the engine cannot be opened, or with a
   * `RegistrationError` if an option is invalid (`INVALID_OPTION`) or the module is imported twice (`FORROOT_TWICE`).
   */
  static forRoot(options: EventSourcingOptions = {}): DynamicModule {
    return rootModule([{ provide: OPTIONS, useValue: options }]);
  }

  /** Does the same, with options that come from other providers (`useFactory`, `useClass` or `useExisting`). */
  static forRootAsync(options: EventSourcingAsyncOptions): DynamicModule {
    return rootModule(asyncOptionProviders(options), options.imports);
  }

  readonly #ids: Ids;
  readonly #runtime: Runtime;

  constructor(@Inject(Ids) ids: Ids, @Inject(RUNTIME) runtime: Runtime) {
    this.#ids = ids;
    this.#runtime = runtime;
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(refuseWhileLeaving(this.#runtime), correlate(this.#ids)).forRoutes('{*splat}');
  }

  /**
   * Provides the repositories of these actor classes, to be injected with `@InjectActor`. Several modules may name the
   * same class. The start of the application fails with a `RegistrationError` if a class is not a valid actor.
   */
  static forFeature(actors: readonly ActorClass<ActorBase<object, object>>[]): DynamicModule {
    const providers = actors.map(repositoryProvider);
    return {
      module: EventSourcingFeatureModule,
      providers: [...providers, distinctNames(actors)],
      exports: providers.map(({ provide }) => provide),
    };
  }
}

@Module({})
class EventSourcingFeatureModule {}

function rootModule(optionProviders: Provider[], imports: NonNullable<DynamicModule['imports']> = []): DynamicModule {
  return {
    module: EventSourcingModule,
    global: true,
    imports: [...imports, LeavingModule],
    providers: [
      ...optionProviders,
      {
        provide: Clock,
        inject: [OPTIONS],
        useFactory: (options: EventSourcingOptions) => options.clock ?? new SystemClock(),
      },
      {
        provide: Ids,
        inject: [OPTIONS],
        useFactory: (options: EventSourcingOptions) => options.ids ?? new RandomIds(),
      },
      { provide: RUNTIME, inject: [OPTIONS, Clock, Ids, ModulesContainer], useFactory: startRuntime },
      { provide: EventSubscriptions, inject: [RUNTIME], useFactory: (runtime: Runtime) => runtime.subscriptions },
      { provide: AuditTrail, inject: [RUNTIME], useFactory: (runtime: Runtime) => runtime.trail },
      { provide: ParkedEvents, inject: [RUNTIME], useFactory: (runtime: Runtime) => runtime.parked },
      { provide: Projections, inject: [RUNTIME], useFactory: (runtime: Runtime) => runtime.projections },
      { provide: LeaderElection, inject: [RUNTIME], useFactory: (runtime: Runtime) => runtime.election },
      ActorFactories,
      EventSourcingHealth,
      Lifecycle,
    ],
    exports: [
      RUNTIME,
      EventSubscriptions,
      AuditTrail,
      LeaderElection,
      EventSourcingHealth,
      ParkedEvents,
      Projections,
      Clock,
      Ids,
      ActorFactories,
    ],
  };
}

async function startRuntime(
  options: EventSourcingOptions,
  clock: Clock,
  ids: Ids,
  modules: ModulesContainer,
): Promise<Runtime> {
  assertOnce(modules);
  const engine = options.engine ?? (await defaultEngine());
  const errors = [...httpExceptions(), ...(options.errors ?? [])];
  const nodeId = options.nodeId ?? SYSTEM.uuid();
  const telemetry = await loadTelemetry(options.telemetry, nodeId);
  const runtime = new Runtime({
    ...options,
    engine,
    nodeId,
    clock,
    ids,
    errors,
    telemetry,
    log: nestLog(),
    waitsForBegin: true,
  });
  await runtime.start();
  return runtime;
}

/** Nest's exceptions. When a command on the leader throws one, it gives the same HTTP status on every node. */
function httpExceptions(): ErrorClass[] {
  return Object.values(common).filter(
    (each): each is typeof HttpException => typeof each === 'function' && each.prototype instanceof Error,
  );
}

/** Imports the default engine only when it is needed, so that other engines do not need its driver. */
async function defaultEngine() {
  const { SqliteEngine } = await import('../engines/sqlite/index.js');
  return new SqliteEngine();
}

/**
 * Since Nest 11 every call makes a module of its own. Two of them would be two nodes that know nothing of each other.
 */
function assertOnce(modules: ModulesContainer): void {
  const roots = [...modules.values()].filter(({ metatype }) => metatype === EventSourcingModule);
  if (roots.length > 1) {
    throw new RegistrationError(
      'FORROOT_TWICE',
      `EventSourcingModule.forRoot() is imported ${roots.length} times, and each would be a node of its own: ` +
        'import it once, in the root module, and only forFeature() elsewhere',
    );
  }
}

function repositoryProvider(actorClass: ActorClass): { provide: string } & Provider {
  const token = getActorToken(actorClass);
  return {
    provide: token,
    inject: [RUNTIME, ModulesContainer, ActorFactories],
    // Checked here and not by the decorators, so that a mistake fails the start of the application and not an import.
    useFactory: (runtime: Runtime, modules: ModulesContainer, factories: ActorFactories) => {
      const definition = defineActor(actorClass);
      const factory = factories.add(new ActorFactory(actorClass, modules, token));
      return runtime.register(definition, () => factory.make());
    },
  };
}

/**
 * Two classes of one name would have the same token, and Nest would silently keep the last one. So the list itself is
 * checked.
 */
function distinctNames(actors: readonly ActorClass[]): Provider {
  return {
    provide: Symbol('distinct actor names'),
    useFactory: () => {
      const known = new Map<string, ActorClass>();
      for (const actorClass of actors) {
        const { name } = defineActor(actorClass);
        if ((known.get(name) ?? actorClass) !== actorClass) throw duplicateActor(name);
        known.set(name, actorClass);
      }
    },
  };
}

function asyncOptionProviders(options: EventSourcingAsyncOptions): Provider[] {
  const ask = (factory: EventSourcingOptionsFactory) => factory.createEventSourcingOptions();
  if (options.useExisting) return [{ provide: OPTIONS, useFactory: ask, inject: [options.useExisting] }];
  if (options.useClass) return [options.useClass, { provide: OPTIONS, useFactory: ask, inject: [options.useClass] }];
  return [{ provide: OPTIONS, useFactory: options.useFactory as never, inject: options.inject ?? [] }];
}
