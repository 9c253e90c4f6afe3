import { Inject } from '@nestjs/common';
import { type ActorBase, type ActorClass, actorOptionsOf } from '../kernel/declaring/index.js';

/**
 * Returns the injection token of an actor class's repository, for `overrideProvider(getActorToken(User))` in a test, or
 * for `app.get(getActorToken(User))`.
 */
export function getActorToken(actorClass: ActorClass<ActorBase<object, object>>): string {
  const className = typeof actorClass === 'function' ? actorClass.name : String(actorClass);
  const name = (typeof actorClass === 'function' && actorOptionsOf(actorClass)?.name) || className;
  return `ActorRepository<${name}>: add EventSourcingModule.forFeature([${className}]) to the imports of this module`;
}

// Tokens are sentences: when a provider is missing, Nest prints its token, and so says what to do.

/** The token of the options. */
export const OPTIONS = 'options of EventSourcingModule.forRoot()';

/** The token of the running node. */
export const RUNTIME =
  'the event sourcing runtime: add EventSourcingModule.forRoot() to the imports of your root module';

/**
 * Injects the repository of an actor class.
 *
 * @example
 * ```ts
 * import { Actor, type ActorRepository, InjectActor, LiveActor } from 'omniscient-nest';
 *
 * @Actor()
 * export class User extends LiveActor<{ name: string }, object> {
 *   initialState() { return { name: '' }; }
 * }
 *
 * export class UserController {
 *   constructor(@InjectActor(User) readonly users: ActorRepository<User>) {}
 * }
 * ```
 */
export function InjectActor(actorClass: ActorClass<ActorBase<object, object>>): PropertyDecorator & ParameterDecorator {
  return Inject(getActorToken(actorClass));
}
