import { ModuleRef, type ModulesContainer } from '@nestjs/core';
import type { ActorBase, ActorClass } from '../kernel/declaring/index.js';
import { isInstance, messageOf, RegistrationError } from '../kernel/values/index.js';

/**
 * Creates the actors of one class. Nest resolves what is injected into them once, as seen from the module that imported
 * the class with `forFeature`. So providers that this module does not export can be injected too.
 */
export class ActorFactory {
  readonly #actorClass: ActorClass;
  readonly #modules: ModulesContainer;
  readonly #token: string;
  #parts: Parts | undefined;
  #resolving: Promise<Parts> | undefined;

  constructor(actorClass: ActorClass, modules: ModulesContainer, token: string) {
    this.#actorClass = actorClass;
    this.#modules = modules;
    this.#token = token;
  }

  /** Returns a new instance. It is a promise only until the injected parts are resolved. */
  make(): AnyActor | Promise<AnyActor> {
    return this.#parts ? this.#assemble(this.#parts) : this.resolve().then((parts) => this.#assemble(parts));
  }

  /**
   * Resolves what is injected.
   *
   * @throws RegistrationError (`UNRESOLVED_DEPENDENCY`) that names what is missing and where to provide it.
   */
  resolve(): Promise<Parts> {
    this.#resolving ??= this.#resolve();
    return this.#resolving;
  }

  #assemble({ constructorArguments, properties }: Parts): AnyActor {
    return Object.assign(new this.#actorClass(...(constructorArguments as never[])), properties);
  }

  async #resolve(): Promise<Parts> {
    let firstError: unknown;
    for (const module of this.#importers()) {
      try {
        this.#parts = await this.#resolveIn(module);
        return this.#parts;
      } catch (error) {
        firstError ??= error;
      }
    }
    if (isInstance(firstError, RegistrationError)) throw firstError;
    const { name } = this.#actorClass;
    const why = messageOf(firstError);
    throw new RegistrationError(
      'UNRESOLVED_DEPENDENCY',
      `a dependency of ${name} cannot be resolved: add it to the providers (or imports) of the module that has ` +
        `EventSourcingModule.forFeature([${name}]) in its imports. Nest says: ${why}`,
      { cause: firstError },
    );
  }

  /** The modules that import the class. What they provide can be injected. */
  #importers(): NestModule[] {
    const all = [...this.#modules.values()] as NestModule[];
    const features = all.filter((module) => module.providers.has(this.#token));
    const importers = all.filter((module) => features.some((feature) => module.imports.has(feature)));
    return importers.length > 0 ? importers : features;
  }

  /**
   * Lets Nest create an object with the same dependencies as the actor class, and takes what it got. The user's
   * constructor does not run.
   */
  async #resolveIn(module: NestModule): Promise<Parts> {
    let constructorArguments: readonly unknown[] = [];
    class Probe {
      constructor(...parts: unknown[]) {
        constructorArguments = parts;
      }
    }
    for (const key of Reflect.getMetadataKeys(this.#actorClass)) {
      Reflect.defineMetadata(key, Reflect.getMetadata(key, this.#actorClass), Probe);
    }
    Object.defineProperty(Probe, 'name', { value: this.#actorClass.name });
    const moduleRef = module.getProviderByKey<ModuleRef>(ModuleRef)?.instance;
    if (!moduleRef) {
      const message = `the module ${module.name} has no ModuleRef: call init() on the application first`;
      throw new RegistrationError('UNRESOLVED_DEPENDENCY', message);
    }
    const properties = { ...(await moduleRef.create(Probe)) };
    return { constructorArguments, properties };
  }
}

type AnyActor = ActorBase<object, object>;
type NestModule = ModulesContainer extends Map<string, infer M> ? M : never;

/** What is injected into the actors of one class. */
interface Parts {
  readonly constructorArguments: readonly unknown[];
  readonly properties: Readonly<Record<string, unknown>>;
}
