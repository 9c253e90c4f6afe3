import type { ReadDuty } from '../../engine/duties/index.js';
import type { CommandDefinition, ListenDefinition } from '../../kernel/defining/index.js';
import {
  ALL_STREAMS,
  type HeardSource,
  LISTENING_EVENT,
  type ListeningData,
  type ListeningLimits,
  listenerKey,
} from '../../kernel/framework/index.js';
import { checkedStreamId } from '../../kernel/values/index.js';
import type { Turn } from '../turn/index.js';
import { sourcesOf } from './listener.js';
import type { ListeningOwner } from './listening-owner.js';

/**
 * Keeps the stream's record of what is listened to (`$listening`) in step with the state. Both change in one commit, so
 * no event in between is missed, whatever crashes.
 */
export class SubscriptionRecords {
  readonly commands: ReadonlyMap<string, CommandDefinition>;
  readonly #owner: ListeningOwner;
  readonly #engine: ReadDuty;
  readonly #processedTo: (key: string) => number | undefined;
  /** For each listener: the sources that the state named when the record last matched and no change was pending. */
  readonly #inStep = new Map<string, { readonly names: readonly string[]; readonly revision: number }>();
  /** What code began in the last turn that began anything. */
  readonly #inCode: Change[] = [];
  #inCodeTurn: object | undefined;
  /**
   * What an `onActivate` began before anything was stored. It waits for the first event, because looking at an actor
   * must store nothing.
   */
  #deferred: Change[] = [];
  /** Whether a change may be pending. */
  #hasFired = false;

  /** @param processedTo how far an actor without events has heard a source (`listenerKey`). */
  constructor(owner: ListeningOwner, engine: ReadDuty, processedTo: (key: string) => number | undefined) {
    this.#owner = owner;
    this.#engine = engine;
    this.#processedTo = processedTo;
    const store: CommandDefinition = { name: '$listen', method: () => this.fireChanges(), onConflict: 'reapply' };
    const end: CommandDefinition = {
      name: '$listen-end',
      method: (listener, source) => this.fireEnd(listener as string, source as string),
      onConflict: 'reapply',
    };
    this.commands = new Map([store, end].map((each) => [each.name, each]));
  }

  /**
   * At the end of a turn: records what follows from it. It returns a promise if that takes time. @param over listeners
   * that ended by themselves.
   */
  completing(turn: Turn, over: readonly HeardSource[]): Promise<void> | undefined {
    try {
      if (this.#inCodeTurn !== turn) this.#inCode.length = 0;
      if (this.#isWithoutEvents()) {
        if (turn.request.name === 'onActivate') this.#deferred.push(...this.#inCode.splice(0));
        // The actor was only looked at.
        if (this.#inCode.length === 0) return undefined;
      }
      for (const { listener, source } of over) this.fireEnd(listener, source);
      return this.areBehind() || this.#inCode.length > 0 ? this.fireChanges() : undefined;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Whether the record differs from the state. */
  areBehind(): boolean {
    return this.#changes().length > 0;
  }

  /** The listening that would begin now. */
  beginnings(): Beginning[] {
    return this.#changes().flatMap(({ listener, begin }) => begin.map((each) => ({ listener, ...each })));
  }

  /** Whether it is recorded, or about to be, that the actor listens to this. */
  isRecorded(listener: string, source: string): boolean {
    return this.#recorded(listener).has(source);
  }

  /** Records what the state says, as a command of its own. */
  async store(): Promise<void> {
    await this.#owner.run(this.commands.get('$listen') as CommandDefinition, [], {});
  }

  /** Whether listening to it begins with the first stored event. */
  isDeferred(listener: string, source: string): boolean {
    return this.#deferred.some((each) => each.listener === listener && each.begin[0]?.source === source);
  }

  /** Inside a turn: code begins to listen. */
  begin(turn: Turn, listener: string, begin: Begin, isOver: boolean): void {
    const { source } = begin;
    const isRecorded = this.#recorded(listener).has(source);
    if ((isRecorded && !isOver) || this.isDeferred(listener, source)) return;
    // Drop what was begun by a turn that failed or runs again.
    if (this.#inCodeTurn !== turn) this.#inCode.length = 0;
    this.#inCodeTurn = turn;
    this.#inCode.push({ listener, begin: [begin], end: isRecorded || isOver ? [source] : [] });
  }

  /** Code ends a listener. */
  async end(listener: string, source: string): Promise<void> {
    await this.#owner.run(this.commands.get('$listen-end') as CommandDefinition, [listener, source], {});
  }

  /** Inside a turn: records changes that are not recorded yet. */
  async fireChanges(): Promise<void> {
    const changes = [...this.#changes(), ...this.#inCode.splice(0)];
    const all = changes.flatMap(({ listener, begin }) => begin.map((each) => [listener, each] as const));
    const places = await Promise.all(all.map(([listener, each]) => this.#beginsAfter(listener, each)));
    const after = new Map(all.map(([, each], i) => [each, places[i] as number]));
    for (const { listener, begin, end } of changes) {
      const begins = begin.map((each) => {
        const { source, count, forMs } = each;
        return { source, after: after.get(each) as number, count, forMs };
      });
      this.#fire({ actor: this.#owner.actorName, listener, begin: begins, end });
    }
  }

  /** Inside a turn: code ends a listener, stored with the turn's events. */
  fireEnd(listener: string, source: string): void {
    const begun = this.#inCode.findIndex((each) => each.listener === listener && each.begin[0]?.source === source);
    if (begun !== -1) this.#inCode.splice(begun, 1);
    this.#deferred = this.#deferred.filter((each) => each.listener !== listener || each.begin[0]?.source !== source);
    if (this.#recorded(listener).has(source)) {
      this.#fire({ actor: this.#owner.actorName, listener, begin: [], end: [], over: [source] });
    }
  }

  #fire(data: ListeningData): void {
    this.#hasFired = true;
    this.#owner.fireFramework(LISTENING_EVENT, data);
  }

  async #beginsAfter(listener: string, { source, from }: Begin): Promise<number> {
    return this.#processedTo(listenerKey(listener, source)) ?? from ?? this.placeNow(source);
  }

  placeNow(source: string): Promise<number> {
    return source === ALL_STREAMS ? this.#engine.lastPosition() : this.#engine.streamVersion(source);
  }

  #changes(): Change[] {
    const changes = this.#owner.listens.flatMap((definition) => this.#changeOf(definition) ?? []);
    return this.#deferred.length === 0 ? changes : [...changes, ...this.#dueOfDeferred()];
  }

  /** Deferred listeners that are not recorded yet. Those that are stored need not wait any more. */
  #dueOfDeferred(): Change[] {
    const { sources, ended } = this.#owner.listeningState;
    this.#deferred = this.#deferred.filter(({ listener, begin }) => {
      const key = listenerKey(listener, begin[0]?.source as string);
      return sources.get(key)?.sinceMs === undefined && !ended.has(key);
    });
    return this.#deferred.filter(({ listener, begin }) => !this.#recorded(listener).has(begin[0]?.source as string));
  }

  #isWithoutEvents(): boolean {
    if (this.#owner.version > 0) return false;
    const [event] = this.#owner.unstored();
    return event === undefined;
  }

  #changeOf(definition: ListenDefinition): Change | undefined {
    if (definition.to) return undefined;
    const { name, from } = definition;
    const names = definition.sources ? sourcesOf(definition, this.#owner.view) : [ALL_STREAMS];
    const { revision } = this.#owner.listeningState;
    const known = this.#inStep.get(name);
    const isRecording = this.#isRecording();
    if (!isRecording && known?.revision === revision && isSame(known.names, names)) return undefined;
    const named = new Set(definition.sources ? names.map(checkedStreamId) : names);
    const recorded = this.#recorded(name);
    const begin = [...named].filter((source) => !recorded.has(source));
    const end = [...recorded].filter((source) => !named.has(source));
    if (begin.length > 0 || end.length > 0)
      return { listener: name, begin: begin.map((source) => ({ source, from })), end };
    // What is not stored yet may never be.
    if (!isRecording) this.#inStep.set(name, { names, revision });
    return undefined;
  }

  /** Whether a change is about to be stored. */
  #isRecording(): boolean {
    if (!this.#hasFired) return false;
    for (const { name } of this.#owner.unstored()) if (name === LISTENING_EVENT) return true;
    this.#hasFired = false;
    return false;
  }

  /** What is recorded, or about to be. */
  #recorded(listener: string): Set<string> {
    const recorded = new Set<string>();
    for (const { listener: other, source, sinceMs } of this.#owner.listeningState.sources.values()) {
      if (other === listener && sinceMs !== undefined) recorded.add(source);
    }
    for (const { name, data } of this.#owner.unstored()) {
      if (name !== LISTENING_EVENT) continue;
      const change = JSON.parse(data) as ListeningData;
      if (change.actor !== this.#owner.actorName || change.listener !== listener) continue;
      for (const source of change.end) recorded.delete(source);
      for (const { source } of change.begin) recorded.add(source);
    }
    return recorded;
  }
}

/** Where listening begins, and when it ends by itself. */
interface Begin extends ListeningLimits {
  readonly source: string;
  readonly from?: number | undefined;
}

/** A source to which a listener begins to listen. */
export interface Beginning extends Begin {
  readonly listener: string;
}

/** A change to record for one listener. */
interface Change {
  readonly listener: string;
  readonly begin: readonly Begin[];
  readonly end: readonly string[];
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((each, i) => each === others[i]);
}
