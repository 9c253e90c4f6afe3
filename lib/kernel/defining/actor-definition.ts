import {
  Actor,
  ActorBase,
  type ActorClass,
  type ActorOptions,
  type ArgumentSchemas,
  actorOptionsOf,
  LiveActor,
  marksOf,
  type OnConflict,
  OneActor,
  TickActor,
} from '../declaring/index.js';
import { ANSWERED_EVENT, LEADER_EVENT, LISTENING_EVENTS, TICK_EVENT, TICKING_EVENT } from '../framework/index.js';
import { type EventInfo, eventNameFault, RegistrationError, type StandardSchema, shownText } from '../values/index.js';
import { assertShown, meaningOf } from './handler-text.js';
import { defineListen, type ListenDefinition, type ListenMethod } from './listen-definition.js';
import { assertActorOptions, assertCommandOptions, assertName } from './option-checks.js';
import { assertSchema, eventSchemasOf } from './schemas.js';
import { upcastStepsOf } from './upcast-marks.js';
import { Upcasts, upcasting } from './upcasts.js';

/** Everything that is known about an actor class. It is computed once, when the class is registered. */
export interface ActorDefinition {
  readonly actorClass: ActorClass;
  readonly name: string;
  readonly kind: ActorKind;
  readonly prefix: string;
  readonly options: ActorOptions;
  readonly commands: ReadonlyMap<string, CommandDefinition>;
  /** By the stored name. Old events are upcast before the handler gets them. */
  readonly handlers: ReadonlyMap<string, HandlerMethod>;
  /** Schemas of the events that it fires. */
  readonly schemas: ReadonlyMap<string, StandardSchema>;
  readonly upcasts: Upcasts;
  readonly listens: readonly ListenDefinition[];
  /** The framework's events that matter to its kind. */
  readonly hears: ReadonlySet<string>;
  /** The source text of everything that gives past events their meaning. Its hash is a snapshot's fingerprint. */
  readonly meaning: string;
}

export type ActorKind = 'actor' | 'live' | 'one' | 'tick';

const COMMON_EVENTS: ReadonlySet<string> = new Set([ANSWERED_EVENT, ...LISTENING_EVENTS]);

/** The events that matter to every actor of a kind, whether its class handles them or not. */
const HEARD: Readonly<Record<ActorKind, ReadonlySet<string>>> = {
  actor: COMMON_EVENTS,
  live: COMMON_EVENTS,
  one: new Set([LEADER_EVENT, ...COMMON_EVENTS]),
  tick: new Set([TICK_EVENT, TICKING_EVENT, ...COMMON_EVENTS]),
};

export type HandlerMethod = (this: ActorBase<object, object>, data: unknown, info: EventInfo) => unknown;
export type CommandMethod = (this: ActorBase<object, object>, ...args: readonly unknown[]) => unknown;

export interface CommandDefinition {
  readonly name: string;
  readonly method: CommandMethod;
  readonly onConflict: OnConflict;
  /** Schemas of its arguments. */
  readonly schemas?: ArgumentSchemas | undefined;
}

/** Names that an `ActorRef` needs for itself. With a `then` it would be taken for a promise. */
const RESERVED_COMMANDS = new Set(
  'id state confirmed version pending isLeader fire once commit release then constructor initialState onActivate onPassivate listenTo startTicking stopTicking'.split(
    ' ',
  ),
);

/**
 * Reads what the decorators recorded, and checks it.
 *
 * @throws RegistrationError that names the class and the fix.
 */
export function defineActor(actorClass: ActorClass): ActorDefinition {
  const options = checkedOptions(actorClass);
  const name = options.name ?? actorClass.name;
  const kind = kindOf(actorClass);
  const commands = new Map<string, CommandDefinition>();
  const handlers = new Map<string, HandlerMethod>();
  const handlerMethods = new Map<string, string>();
  const meanings = new Map<string, string>();
  const listens = new Map<string, ListenDefinition>();
  for (const prototype of prototypesOf(actorClass)) {
    const marks = marksOf(prototype);
    for (const mark of marks.commands) {
      const { method, onConflict, schemas } = mark;
      checkCommand(name, method);
      assertCommandOptions(name, mark);
      for (const schema of schemas ?? [])
        if (schema) assertSchema(schema, `${name}.${method}: the schema of an argument`);
      commands.set(method, { name: method, method: methodOf<CommandMethod>(actorClass, method), onConflict, schemas });
    }
    for (const { method, event, decorated } of marks.handlers) {
      checkHandler(name, event, method, handlerMethods);
      const handler = methodOf<HandlerMethod>(actorClass, method);
      handlers.set(event, handler);
      meanings.set(event, meaningOf(handler, decorated));
    }
    for (const mark of marks.listens) {
      listens.set(mark.method, defineListen(name, mark, methodOf<ListenMethod>(actorClass, mark.method)));
    }
  }
  assertApart(name, commands, handlerMethods, listens);
  const schemas = eventSchemasOf(actorClass, name);
  const steps = upcastStepsOf(actorClass, name, prototypesOf(actorClass), handlers);
  const upcasts = new Upcasts(name, steps, new Set([...handlers.keys(), ...schemas.keys()]), schemas);
  assertShown(actorClass, name, options, prototypesOf(actorClass));
  const meaning = wholeMeaning(actorClass, options, meanings, upcasts);
  const prefix = options.prefix ?? '';
  return {
    actorClass,
    name,
    kind,
    prefix,
    options,
    commands,
    handlers: upcasting(handlers, upcasts),
    schemas,
    upcasts,
    listens: [...listens.values()],
    hears: HEARD[kind],
    meaning,
  };
}

/** Checks that a handler is not a command or a listener as well. */
function assertApart(
  name: string,
  commands: ReadonlyMap<string, unknown>,
  handlerMethods: ReadonlyMap<string, string>,
  listens: ReadonlyMap<string, unknown>,
): void {
  for (const [event, method] of handlerMethods) {
    if (!commands.has(method) && !listens.has(method)) continue;
    const other = commands.has(method) ? '@Command' : 'listener (@ListenTo)';
    const message = `${name}.${method} is both a ${other} and the @EventHandler of '${event}': split it in two`;
    throw wrong(commands.has(method) ? 'HANDLER_IS_COMMAND' : 'HANDLER_IS_LISTENER', message);
  }
}

function checkedOptions(actorClass: ActorClass): ActorOptions {
  const name = typeof actorClass === 'function' ? actorClass.name : String(actorClass);
  if (typeof actorClass !== 'function') {
    throw wrong(
      'NOT_A_CLASS',
      `expected an actor class but got ${name}: if two files import each other, one sees 'undefined'; move the class to a file of its own`,
    );
  }
  if (!(actorClass.prototype instanceof ActorBase)) {
    throw wrong(
      'NOT_AN_ACTOR',
      `${name} does not extend an actor base: write 'class ${name} extends LiveActor<State, Events>' (or Actor, OneActor, TickActor)`,
    );
  }
  const options = actorOptionsOf(actorClass);
  if (!options) throw wrong('NOT_DECORATED', `${name} is not decorated: write @Actor() above 'class ${name}'`);
  assertActorOptions(name, options);
  if (options.name === undefined) assertName(name, 'name', name);
  return options;
}

function kindOf(actorClass: ActorClass): ActorKind {
  if (actorClass.prototype instanceof TickActor) return 'tick';
  if (actorClass.prototype instanceof LiveActor) return 'live';
  if (actorClass.prototype instanceof OneActor) return 'one';
  if (actorClass.prototype instanceof Actor) return 'actor';
  throw wrong(
    'NOT_AN_ACTOR',
    `${actorClass.name} extends ActorBase directly: extend Actor, LiveActor, OneActor or TickActor instead`,
  );
}

/** The class's own prototype comes last, so that its declarations win over inherited ones. */
function prototypesOf(actorClass: ActorClass): object[] {
  const chain: object[] = [];
  for (let p: object = actorClass.prototype; p !== ActorBase.prototype; p = Object.getPrototypeOf(p)) chain.unshift(p);
  return chain;
}

function checkCommand(actor: string, method: string): void {
  if (RESERVED_COMMANDS.has(method)) {
    throw wrong(
      'RESERVED_COMMAND_NAME',
      `${actor}: a command cannot be called '${method}', which every ActorRef has as a member of its own: rename it`,
    );
  }
}

function checkHandler(actor: string, event: string, method: string, seen: Map<string, string>): void {
  const fault = eventNameFault(event);
  if (fault !== undefined) {
    throw wrong('INVALID_EVENT_NAME', `${actor}.${method} handles an event whose name ${shownText(event)} ${fault}`);
  }
  noteHandler(actor, event, method, seen);
}

/**
 * Checks that one method handles an event: of two, only one would ever be called. @throws RegistrationError
 * (`DUPLICATE_HANDLER`).
 */
export function noteHandler(name: string, event: string, method: string, seen: Map<string, string>): void {
  const other = seen.get(event);
  if (other !== undefined && other !== method) {
    const message = `${name} handles '${event}' twice, in ${other}() and in ${method}(): keep one of them`;
    throw wrong('DUPLICATE_HANDLER', message);
  }
  seen.set(event, method);
}

function methodOf<M>(actorClass: ActorClass, method: string): M {
  return (actorClass.prototype as unknown as Record<string, M>)[method] as M;
}

function wholeMeaning(
  actorClass: ActorClass,
  options: ActorOptions,
  meanings: ReadonlyMap<string, string>,
  upcasts: Upcasts,
): string {
  const sources = [...meanings].map(([event, meaning]) => `${event}: ${meaning}`).sort();
  const initial = String(actorClass.prototype.initialState);
  return JSON.stringify([options.revision ?? 0, initial, ...sources, ...upcasts.meaning]);
}

function wrong(code: string, message: string): RegistrationError {
  return new RegistrationError(code, message);
}
