import type { StandardSchema } from '../values/index.js';

/** The marks of the methods that this prototype itself declares. They are created on first use. */
export function marksOf(prototype: object): MethodMarks {
  let marks = methodMarks.get(prototype);
  if (!marks) methodMarks.set(prototype, (marks = { commands: [], handlers: [], listens: [] }));
  return marks;
}

/** Schemas of events, by name. */
export type EventSchemas = Readonly<Record<string, StandardSchema>>;

/** Schemas of a command's arguments, by index; `undefined` for an argument without a schema. */
export type ArgumentSchemas = readonly (StandardSchema | undefined)[];

/** Options of `@Actor()`. */
export interface ActorOptions<Schemas extends EventSchemas = EventSchemas> {
  /**
   * The class's name in metadata, snapshots and errors, of 1 to 200 characters. It must be unique in an application. It
   * is stored with every event, so it must not change. Default: the name of the class.
   */
  name?: string;
  /** Put before the id to name the stream, so that no other class shares it. At most 200 characters. Default: none. */
  prefix?: string;
  /**
   * Change this when past events mean something else and the code of the handlers does not show it. Old snapshots are
   * then ignored. Default 0.
   */
  revision?: number | string;
  /** How many events lie between two snapshots; 0 for no snapshots. Default: the module's `snapshotEvery`. */
  snapshotEvery?: number;
  /**
   * How long an activation may be idle before it is passivated, in milliseconds. Default: the module's
   * `passivateAfterMs`.
   */
  passivateAfterMs?: number;
  /**
   * Schemas of the events that this class fires. A payload that does not fit is refused with `SchemaError` before it is
   * applied. What the schema returns is what is stored. Any Standard Schema works: zod, valibot, arktype and others.
   * Schemas of the actors that the class extends apply too.
   */
  schemas?: Schemas;
  /** Names of events on its streams that nothing here handles on purpose. They are not logged as unhandled. */
  ignores?: readonly string[];
}

/**
 * What happens to a command when other events that its class handles were stored before its own. `reapply` keeps the
 * fired events. `rerun` runs the method again on the new state. `reject` fails with `ConflictError`.
 */
export type OnConflict = 'reapply' | 'rerun' | 'reject';

/** Options of `@Command()`. */
export interface CommandOptions<Schemas extends ArgumentSchemas = ArgumentSchemas> {
  /** What happens on a conflict. Default `'reapply'`. */
  onConflict?: OnConflict;
  /**
   * Schemas of the arguments, first to last. An argument that does not fit is refused with `SchemaError` before the
   * command is queued or forwarded. The method gets what the schema returns. Calls that an actor makes on itself are
   * not checked.
   */
  args?: Schemas;
}

/** What `@ListenTo` recorded about one method. */
export interface ListenMark {
  readonly method: string;
  /** Names the streams from the current state; absent for a listener to event names. */
  readonly sources?: (state: never) => string | readonly string[] | undefined;
  /** Only events of these names. If absent: all but the framework's own. */
  readonly events?: readonly string[];
  /** Names the actor that an event concerns; absent if the actor listens for itself. */
  readonly to?: (event: never) => string | undefined;
  readonly from?: number;
  readonly onFailure: OnFailure;
  readonly onConflict: OnConflict;
}

/**
 * What happens to an event on which a listener fails again and again. `park` puts it aside and continues; `stop`
 * retries it for ever.
 */
export type OnFailure = 'park' | 'stop';

/** What `@EventHandler` recorded about one method. */
export interface HandlerMark {
  readonly method: string;
  readonly event: string;
  /** The method as it was when it was decorated. Decorators above this one may have wrapped it since. */
  readonly decorated: unknown;
}

/** What the decorators recorded about one class. `defineActor` reads it once. */
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

/** The options of `@Actor()` on this very class; `undefined` if it is not decorated itself. */
export function actorOptionsOf(actorClass: object): ActorOptions | undefined {
  return actorMarks.get(actorClass);
}
