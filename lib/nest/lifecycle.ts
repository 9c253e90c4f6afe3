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
import { isProjection } from '../kernel/defining/projection.js';
import { RegistrationError } from '../kernel/values/errors.js';
import { Runtime } from '../runtime/node/runtime.js';
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

  /** Resolves what is injected into actors, so that what is missing is found at start-up. */
  async resolveAll(): Promise<void> {
    for (const factory of this.#factories) await factory.resolve();
  }
}

/**
 * Start and end of the node, in step with the application's. Where listening begins is written down before any other module is initialised, for those may
 * give commands; events are brought to actors and projections only when all are, for they use the others. The end comes in two parts: before anything else is
 * ended (`LeavingModule`), commands are refused, mailboxes drained and streams to browsers completed (an open one would keep the server from closing); after
 * it all, when no request is left that could read, the engine.
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

  /** Whatever module provides them, and however: a class, a value, what a factory made; by whatever tokens. */
  #addProjections(): void {
    const added = new Set<unknown>();
    for (const module of this.#modules.values()) {
      for (const provider of module.providers.values()) {
        const instance = provider.instance as object | undefined;
        const projectionClass: unknown = instance?.constructor;
        if (isProjection(provider.token) && !isProjection(projectionClass)) this.#tellReplaced(provider.token as Type);
        if (!isProjection(projectionClass) || added.has(instance)) continue;
        // What Nest makes anew for each request, or for each who wants it, is an empty shell here.
        if (provider.isTransient || !provider.isDependencyTreeStatic()) throw scoped(projectionClass as Type);
        added.add(instance);
        this.#runtime.projections.add(projectionClass as Type, instance as object);
      }
    }
  }

  /** Meant in a test; otherwise a read model that would stay empty without a word. */
  #tellReplaced({ name }: Type): void {
    this.#runtime.parts.log.warn(
      `the projection ${name} gets no events: what is provided for it is no instance of it (a factory or a decorator put something else in its place)`,
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
    `the projection ${name} is transient, or made anew for each request (it, or something injected into it, has that scope): events come without a ` +
      'request, so give all of them the default scope, and look up what belongs to a request elsewhere',
  );
}
