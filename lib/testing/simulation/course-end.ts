import type { ActorBase, ActorClass, DeepReadonly, StateOf } from '../../kernel/declaring/index.js';
import { defineActor } from '../../kernel/defining/index.js';
import type { StoredEvent } from '../../kernel/values/index.js';
import { decodeEvent } from '../../runtime/events/index.js';
import type { CommandRecord } from './cluster/index.js';
import { fold, type Watched } from './invariants/index.js';

/** The result of a course: everything stored, and what clients were told. */
export interface CourseEnd {
  /** All events, in order of position. */
  readonly events: readonly StoredEvent[];
  /** Every command that a client gave, in order. */
  readonly commands: readonly CommandRecord[];
  /** What the nodes shared. */
  readonly shared: ReadonlyMap<string, unknown>;
  /** Returns the events of one stream. */
  stream(streamId: string): readonly StoredEvent[];
  /** Returns the state that the stored events give the actor of this id. */
  state<A extends AnyActor>(actorClass: ActorClass<A>, id: string): DeepReadonly<StateOf<A>>;
  /** Returns the ids of all actors of a class that have fired anything. */
  ids<A extends AnyActor>(actorClass: ActorClass<A>): readonly string[];
}

type AnyActor = ActorBase<object, object>;

/** A rule of your own, checked when all faults have ended. It is broken if `check` throws or returns a text. */
export interface Invariant {
  readonly name: string;
  check(end: CourseEnd): unknown;
}

/** @param watched the course that has ended. */
export function endOf({ world, commands, newActor }: Watched): CourseEnd {
  const { streams, log } = world.store;
  const events = log.map(decodeEvent);
  return {
    events,
    commands: [...commands.all.values()],
    shared: world.shared,
    stream: (streamId) => events.filter((event) => event.streamId === streamId),
    state: <A extends AnyActor>(actorClass: ActorClass<A>, id: string) => {
      const definition = defineActor(actorClass);
      const streamId = definition.prefix + id;
      const { state } = fold(definition, streamId, streams.get(streamId) ?? [], newActor);
      return JSON.parse(state) as DeepReadonly<StateOf<A>>;
    },
    ids: (actorClass) => {
      const { name, prefix } = defineActor(actorClass);
      const fired = events.filter(({ metadata }) => metadata.actor === name);
      return [...new Set(fired.map(({ streamId }) => streamId.slice(prefix.length)))];
    },
  };
}
