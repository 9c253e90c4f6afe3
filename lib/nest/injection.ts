import { Inject } from '@nestjs/common';
import type { ActorBase, ActorClass } from '../kernel/declaring/actor.js';
import { actorOptionsOf } from '../kernel/declaring/marks.js';

/** Token of the repository of an actor class; for `Test.overrideProvider`, or `app.get(getActorToken(User))`. */
export function getActorToken(actorClass: ActorClass<ActorBase<object, object>>): string {
  const className = typeof actorClass === 'function' ? actorClass.name : String(actorClass);
  const name = (typeof actorClass === 'function' && actorOptionsOf(actorClass)?.name) || className;
  return `ActorRepository<${name}>: add EventSourcingModule.forFeature([${className}]) to the imports of this module`;
}

// Tokens are sentences: when a provider is missing, Nest prints its token, and the sentence says what to do.

/** Token of the options. */
export const OPTIONS = 'options of EventSourcingModule.forRoot()';

/** Token of the running node. */
export const RUNTIME =
  'the event sourcing runtime: add EventSourcingModule.forRoot() to the imports of your root module';

/** Injects the repository of an actor class: `constructor(@InjectActor(User) private readonly users: ActorRepository<User>)`. */
export function InjectActor(actorClass: ActorClass<ActorBase<object, object>>): PropertyDecorator & ParameterDecorator {
  return Inject(getActorToken(actorClass));
}
