import type { StandardSchema } from '../values/standard-schema.js';

/** The marks of the methods that this very prototype declares; made on first use. */
export function marksOf(prototype: object): MethodMarks {
  let marks = methodMarks.get(prototype);
  if (!marks) methodMarks.set(prototype, (marks = { commands: [], handlers: [], listens: [] }));
  return marks;
}

/** Schemas of events, by name. */
export type EventSchemas = Readonly<Record<string, StandardSchema>>;

/** Schemas of a command's arguments, by place; `undefined` for one that has none. */
export type ArgumentSchemas = readonly (StandardSchema | undefined)[];

/** What `@Actor()` takes. */
export interface ActorOptions<Schemas extends EventSchemas = EventSchemas> {
  /** The actor's name in metadata, snapshots and errors; unique in an application. Default: the class's name. */
  name?: string;
  /** Put before the id to name the stream, so that the class shares it with nobody. Default: none. */
  prefix?: string;
  /** Change it when the meaning of past events changed in a way the handlers' own code does not show. Default 0. */
  revision?: number | string;
  /** Events between two snapshots; 0 for none. Default: the module's `snapshotEvery`. */
  snapshotEvery?: number;
  /** Idle time after which an activation is let go, in milliseconds. Default: the module's `passivateAfterMs`. */
  passivateAfterMs?: number;
  /**
   * Schemas of the events this class fires: a payload that does not fit is refused with `SchemaError` before it is applied; what the schema makes
   * of it is what is stored. Any Standard Schema: zod, valibot, arktype, … Also those of the actors that the class extends.
   */
  schemas?: Schemas;
  /** Names of events on its streams that nothing here handles, and that is meant: no warning is logged for them. */
  ignores?: readonly string[];
}

/**
 * What a command does when others' events, which this class handles, were stored before its own.
 * `reapply`: its events are kept as fired; `rerun`: the method decides again on the new state; `reject`: it fails with `ConflictError`.
 */
export type OnConflict = 'reapply' | 'rerun' | 'reject';

/** What `@Command()` takes. */
export interface CommandOptions<Schemas extends ArgumentSchemas = ArgumentSchemas> {
  /** Default `'reapply'`. */
  onConflict?: OnConflict;
  /**
   * Schemas of its arguments, first to last: one that does not fit is refused with `SchemaError` before the command is queued or sent to its
   * leader; what the schema makes of it is what the method gets. Calls that an actor makes on itself are not looked at.
   */
  args?: Schemas;
}

/** What `@ListenTo` wrote down about one method. */
export interface ListenMark {
  readonly method: string;
  /** The streams, by what the state says now; absent where it listens to names. */
  readonly sources?: (state: never) => string | readonly string[] | undefined;
  /** Only events of these names; all but the framework's own if absent. */
  readonly events?: readonly string[];
  /** Which actor an event concerns; absent where the actor listens itself. */
  readonly to?: (event: never) => string | undefined;
  readonly from?: number;
  readonly onFailure: OnFailure;
  readonly onConflict: OnConflict;
}

/** What is done with an event that a listener fails on time and again: `park` puts it aside and goes on, `stop` waits and tries for ever. */
export type OnFailure = 'park' | 'stop';

/** What `@EventHandler` wrote down about one method. */
export interface HandlerMark {
  readonly method: string;
  readonly event: string;
  /** The method as it was when it was decorated: decorators above this one may have wrapped it since. */
  readonly decorated: unknown;
}

/** What the decorators wrote down about one class; read once, by `defineActor`. */
export interface MethodMarks {
  readonly commands: {
    readonly method: string;
    readonly onConflict: OnConflict;
    readonly schemas: ArgumentSchemas | undefined;
  }[];
  readonly handlers: HandlerMark[];
  readonly listens: ListenMark[];
}

const actorMarks = new WeakMap<object, ActorOptions>();
const methodMarks = new WeakMap<object, MethodMarks>();

export function markActorClass(actorClass: object, options: ActorOptions): void {
  actorMarks.set(actorClass, options);
}

/** The options given to `@Actor()` on this very class; `undefined` if it was not decorated itself. */
export function actorOptionsOf(actorClass: object): ActorOptions | undefined {
  return actorMarks.get(actorClass);
}
