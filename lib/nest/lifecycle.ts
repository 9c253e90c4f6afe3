import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { isProjection } from '../kernel/defining/index.js';
import { RegistrationError } from '../kernel/values/index.js';
import { Runtime } from '../runtime/node/index.js';
import type { ActorFactory } from './actor-factory.js';
import { RUNTIME } from './injection.js';
import { logged } from './leaving.js';
import { endUnhandledErrorsFor, logUnhandledErrorsFor } from './unhandled-errors.js';

/** The factories of all registered actor classes. */
@Injectable()
export class ActorFactories {
  readonly #factories = new Set<ActorFactory>();

  add(factory: ActorFactory): ActorFactory {
    this.#factories.add(factory);
    return factory;
  }

  /** Resolves what is injected into actors, so that a missing dependency fails the start. */
  async resolveAll(): Promise<void> {
    for (const factory of this.#factories) await factory.resolve();
  }
}

/**
 * Starts and ends the node, in step with the application.
 *
 * Where listening begins is stored before any other module is initialised, because other modules may give commands.
 * Events are delivered to actors and projections only when all modules are initialised, because they use them.
 *
 * The end comes in two parts. Before anything else is destroyed (`LeavingModule`), commands are refused, mailboxes are
 * drained, and streams to browsers are completed: an open one would keep the server from closing. When no request is
 * left that could read, the engine is closed.
 */
@Injectable()
export class Lifecycle
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #runtime: Runtime;
  readonly #modules: ModulesContainer;
  readonly #factories: ActorFactories;

  constructor(
    @Inject(RUNTIME) runtime: Runtime,
    @Inject(ActorFactories) factories: ActorFactories,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    this.#runtime = runtime;
    this.#modules = modules;
    this.#factories = factories;
  }

  async onModuleInit(): Promise<void> {
    await this.#factories.resolveAll();
    this.#addProjections();
    await this.#runtime.prepare();
    logUnhandledErrorsFor(this);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#runtime.begin();
  }

  /**
   * Finds the projections in whichever module and way they are provided: as a class, a value, or by a factory, under
   * any token.
   */
  #addProjections(): void {
    const added = new Set<unknown>();
    for (const module of this.#modules.values()) {
      for (const provider of module.providers.values()) {
        const instance = provider.instance as object | undefined;
        const projectionClass: unknown = instance?.constructor;
        if (isProjection(provider.token) && !isProjection(projectionClass))
          this.#warnOfReplaced(provider.token as Type);
        if (!isProjection(projectionClass) || added.has(instance)) continue;
        // For providers with another scope, Nest has only an empty shell here.
        if (provider.isTransient || !provider.isDependencyTreeStatic()) throw scoped(projectionClass as Type);
        added.add(instance);
        this.#runtime.projections.add(projectionClass as Type, instance as object);
      }
    }
  }

  /**
   * Warns about a replaced projection. This is intended in a test; otherwise its read model would silently stay empty.
   */
  #warnOfReplaced({ name }: Type): void {
    this.#runtime.parts.log.warn(
      `the projection ${name} gets no events, because its provider is not an instance of it ` +
        '(a factory or a class decorator replaced it): provide the class itself',
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    await logged(() => this.#runtime.drain());
  }

  async onApplicationShutdown(): Promise<void> {
    await logged(() => this.#runtime.stop());
    endUnhandledErrorsFor(this);
  }
}

function scoped({ name }: Type): RegistrationError {
  return new RegistrationError(
    'SCOPED_PROJECTION',
    `the projection ${name} is transient or request-scoped, or something injected into it is. Events come outside of ` +
      'any request: give all of them the default scope, and look up what belongs to a request elsewhere',
  );
}
