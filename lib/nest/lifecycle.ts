import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { config } from 'rxjs';
import { isProjection } from '../kernel/projection.js';
import { Runtime } from '../runtime/runtime.js';
import type { ActorFactory } from './actor-factory.js';
import { RUNTIME } from './injection.js';

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
 * Start and end of the node, in step with the application's. The end comes in two parts: before the server closes, commands are refused, mailboxes drained
 * and streams to browsers completed (an open one would keep the server from closing); after it, when no request is left that could read, the engine.
 */
@Injectable()
export class Lifecycle implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #runtime: Runtime;
  readonly #modules: ModulesContainer;
  readonly #factories: ActorFactories;
  readonly #logger = new Logger('EventSourcing');
  #handlerSet = false;

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
    await this.#runtime.begin();
    // A subscriber that throws would otherwise end the process: RxJS throws such errors from a timer. Who has set a handler keeps it.
    if (config.onUnhandledError === null) {
      config.onUnhandledError = this.#logUnhandled;
      this.#handlerSet = true;
    }
  }

  /** Whatever module provides them, and however: a class, a value, what a factory made; by whatever tokens. */
  #addProjections(): void {
    const added = new Set<unknown>();
    for (const module of this.#modules.values()) {
      for (const { instance } of module.providers.values()) {
        const projectionClass: unknown = (instance as object | undefined)?.constructor;
        if (!isProjection(projectionClass) || added.has(instance)) continue;
        added.add(instance);
        this.#runtime.projections.add(projectionClass as Type, instance as object);
      }
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#logged(() => this.#runtime.drain());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#logged(() => this.#runtime.stop());
    if (this.#handlerSet && config.onUnhandledError === this.#logUnhandled) config.onUnhandledError = null;
  }

  /** Nest 12 swallows what shutdown hooks throw. */
  async #logged(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#logger.error('the shutdown failed', error instanceof Error ? error.stack : error);
      throw error;
    }
  }

  readonly #logUnhandled = (error: unknown): void => {
    this.#logger.error('a subscriber threw; its subscription goes on', error instanceof Error ? error.stack : error);
  };
}
