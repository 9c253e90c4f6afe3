import { type AppendRequest, type AppendResult, CONFLICT_EVENTS_MAX } from '../../../engine/duties/index.js';
import { type Environment, SYSTEM } from '../../../engine/environment/index.js';
import type { BatchOutcome, FailedAppend } from '../../../engine/writing/index.js';
import { EngineError, type EventRecord, type NewEvent } from '../../../kernel/values/index.js';
import type { Connections, Reql, Term } from '../connections/index.js';
import { type Announcements, announcementKeyOf } from './announcements.js';
import type { CommitReader } from './commit-reader.js';
import { commitKeyOf } from './keys.js';
import { Batch, type PlacedCommit } from './log-entry.js';
import type { PositionLog } from './position-log.js';
import type { Sweeper } from './sweeper.js';

/**
 * Stores commits, one document each: `{ id, stream, first, last, events }`. The key holds the version of the first
 * event, so two writers at the same version collide. A writer also has to know that its expected version is the end of
 * a commit, so one that stopped in the middle of a commit is refused as well.
 */
export class Commits {
  readonly #parts: CommitParts;
  readonly #reader: CommitReader;
  readonly #listener: CommitListener;
  readonly #durability: 'hard' | 'soft';
  readonly #environment: Environment;
  readonly #writer: string;
  #batches = 0;

  constructor(parts: CommitParts, durability: 'hard' | 'soft', listener: CommitListener, environment = SYSTEM) {
    this.#parts = parts;
    this.#reader = parts.reader;
    this.#durability = durability;
    this.#listener = listener;
    this.#environment = environment;
    this.#writer = environment.uuid();
  }

  /**
   * A `BatchWriter`. One insert holds only one commit of each stream: if the first of two were refused and the second
   * stored, there would be a gap. A request fails alone: others of the batch may be stored by then.
   */
  async write(requests: readonly AppendRequest[]): Promise<BatchOutcome[]> {
    const outcomes = new Array<BatchOutcome>(requests.length);
    let waiting = requests.map((request, at): Entry => ({ request, at, tries: 0, head: 0 }));
    while (waiting.length > 0) {
      const round = new Map<string, Entry>();
      const later: Entry[] = [];
      for (const entry of waiting) {
        const { streamId } = entry.request;
        if (round.has(streamId) || round.size >= INSERT_COMMITS_MAX) later.push(entry);
        else round.set(streamId, entry);
      }
      waiting = [...(await this.#writeRound([...round.values()], outcomes)), ...later];
    }
    return outcomes;
  }

  /** Returns the entries that have to be tried again. */
  async #writeRound(entries: readonly Entry[], outcomes: BatchOutcome[]): Promise<Entry[]> {
    const unknown = entries.filter((entry) => !this.#isKnown(entry));
    const learned = await attempt(this.#reader.learnHeads(unknown.map(({ request }) => request.streamId)));
    const ready = learned.kind === 'failed' ? fail(unknown, learned, entries, outcomes) : entries;
    const fitting = ready.filter((entry) => this.#fits(entry));
    const inserted = await attempt(fitting.length > 0 ? this.#insert(fitting) : Promise.resolve(new Set<Entry>()));
    const settled = inserted.kind === 'failed' ? fail(fitting, inserted, ready, outcomes) : ready;
    const again: Entry[] = [];
    const conflicts: Entry[] = [];
    for (const entry of settled) {
      if (inserted.kind === 'done' && inserted.value.has(entry)) {
        outcomes[entry.at] = { kind: 'appended', version: entry.head + 1 };
      } else if (entry.request.expectedVersion !== 'any') conflicts.push(entry);
      else if (this.#mayTryAgain(entry)) again.push(entry);
      else outcomes[entry.at] = overtakenTooOften(entry.request.streamId);
    }
    if (conflicts.length > 0) await this.#settleConflicts(conflicts, outcomes);
    return again;
  }

  async #settleConflicts(entries: readonly Entry[], outcomes: BatchOutcome[]): Promise<void> {
    const settling = entries.map(async ({ at, request }) => {
      const conflict = await attempt(this.#conflictOf(request));
      outcomes[at] = conflict.kind === 'failed' ? conflict : conflict.value;
    });
    await Promise.all(settling);
    this.#listener.overtaken(entries.map(({ request }) => request.streamId));
  }

  /** Whether the stream's version need not be read, because the expected version is known to be the end of a commit. */
  #isKnown({ request: { streamId, expectedVersion } }: Entry): boolean {
    const known = this.#reader.boundary(streamId);
    return expectedVersion === 'any' ? known !== undefined : expectedVersion === 0 || known === expectedVersion;
  }

  /** Works out at which version the commit is to be stored. Returns false if that cannot be the expected one. */
  #fits(entry: Entry): boolean {
    const { streamId, expectedVersion } = entry.request;
    const known = this.#reader.boundary(streamId) ?? 0;
    entry.head = expectedVersion === 'any' ? known : expectedVersion;
    return expectedVersion === 'any' || expectedVersion === 0 || known === expectedVersion;
  }

  #mayTryAgain(entry: Entry): boolean {
    entry.tries += 1;
    this.#reader.forget(entry.request.streamId);
    return entry.tries <= OVERTAKEN_MAX;
  }

  /** Inserts commits, and resolves to those that are stored. */
  async #insert(entries: readonly Entry[]): Promise<Set<Entry>> {
    const { r, table, connections, announcements, log, sweeper } = this.#parts;
    const keys = entries.map(({ request, head }) => commitKeyOf(request.streamId, head + 1));
    const documents = entries.map(({ request, head }, i) => documentOf(keys[i] as string, request, head));
    const commits = entries.map(placedOf);
    // A commit that was sent before may have been stored then. It was announced with another batch and gets its
    // positions there.
    const doubts = commits.map((commit) => sweeper.doubtOf(commit));
    const batch = this.#newBatch(commits.filter((_, i) => !doubts[i]));
    const announced = new Set(doubts.map((doubt) => doubt ?? batch));
    const announcedAtMs = this.#environment.monotonicMs();
    try {
      const all = r.json(JSON.stringify([...[...announced].map((each) => announcements.of(each)), ...documents]));
      const insert = table.insert(all, { durability: this.#durability });
      const answer = await connections.write<{ errors: number; first_error?: string }>(insert);
      const stored =
        answer.errors === 0
          ? new Set(entries)
          : await this.#whichAreOurs(entries, keys, [...announced], answer.first_error);
      this.#reportStored(stored, batch.id);
      const placed = commits.filter((_, i) => !doubts[i] && stored.has(entries[i] as Entry));
      const isWhole = placed.length === batch.commits.length;
      log.place(isWhole ? batch : new Batch(batch.id, placed), announcedAtMs);
      if (doubts.some(Boolean)) sweeper.sweepSoon();
      return stored;
    } catch (error) {
      sweeper.doubt(batch);
      this.#listener.overtaken(entries.map(({ request }) => request.streamId));
      throw error;
    }
  }

  /** Keys of one writer lie side by side, so that deleting many of them touches few pages. */
  #newBatch(commits: readonly PlacedCommit[]): Batch {
    this.#batches += 1;
    return new Batch(`${this.#writer}-${this.#batches}`, commits);
  }

  async #whichAreOurs(
    entries: readonly Entry[],
    keys: readonly string[],
    announced: readonly Batch[],
    why: string | undefined,
  ): Promise<Set<Entry>> {
    const needed = [...keys, ...announced.map(announcementKeyOf)];
    const found = await this.#reader.firstEventsOf(needed).catch((cause: unknown) => {
      // This read failed, but the commits may be stored.
      throw outcomeUnknown('it could not be read which commits were stored', cause);
    });
    // The announcement has to be stored too: if this writer dies, it is how others find commits without positions.
    if (needed.some((key) => !found.has(key))) throw outcomeUnknown(`a commit could not be stored: ${why}`);
    return new Set(entries.filter((entry, i) => found.get(keys[i] as string) === firstEventOf(entry)));
  }

  #reportStored(stored: Iterable<Entry>, batchId: string): void {
    const records: EventRecord[] = [];
    for (const { request, head } of stored) {
      const { streamId, events } = request;
      this.#reader.setBoundary(streamId, head + events.length);
      for (const [i, { id, name, data, metadata }] of events.entries()) {
        records.push({ id, streamId, version: head + 1 + i, position: 0, name, data, metadata });
      }
    }
    this.#listener.stored(records, batchId);
  }

  async #conflictOf({ streamId, expectedVersion }: AppendRequest): Promise<AppendResult> {
    const after = expectedVersion as number;
    this.#reader.forget(streamId);
    // The events found may be those of an earlier try.
    await this.#parts.sweeper.announceDoubts();
    const [events, version] = await Promise.all([
      this.#reader.readStream(streamId, after, CONFLICT_EVENTS_MAX),
      this.#reader.streamVersion(streamId),
    ]);
    return { kind: 'conflict', version: Math.max(version, events.at(-1)?.version ?? 0), events };
  }
}

/** Most commits in one insert. */
export const INSERT_COMMITS_MAX = 256;
/** How often an append with `expectedVersion: 'any'` is overtaken by others before it is refused. */
const OVERTAKEN_MAX = 100;

/** Is told about every batch that was stored. */
export interface CommitListener {
  /**
   * @param batch the id under which exactly these events get their positions, apart from those that were sent before.
   */
  stored(events: readonly EventRecord[], batch: string): void;
  /** Other writers were first on these streams. */
  overtaken(streamIds: readonly string[]): void;
}

/** The parts that a commit needs on its way. */
export interface CommitParts {
  readonly r: Reql;
  readonly table: Term;
  readonly connections: Connections;
  readonly reader: CommitReader;
  readonly announcements: Announcements;
  readonly log: PositionLog;
  readonly sweeper: Sweeper;
}

interface Entry {
  readonly request: AppendRequest;
  readonly at: number;
  tries: number;
  /** The version after which the commit is sent. */
  head: number;
}

function outcomeUnknown(what: string, cause?: unknown): EngineError {
  return new EngineError('ENGINE_UNAVAILABLE', `RethinkDB: ${what}`, { cause, retryable: true, outcomeUnknown: true });
}

type Attempt<T> = { readonly kind: 'done'; readonly value: T } | FailedAppend;

function attempt<T>(promise: Promise<T>): Promise<Attempt<T>> {
  return promise.then(
    (value) => ({ kind: 'done', value }),
    (error: unknown) => ({ kind: 'failed', error }),
  );
}

/** Marks the failed entries, and returns the rest of all. */
function fail(failed: readonly Entry[], why: FailedAppend, all: readonly Entry[], outcomes: BatchOutcome[]): Entry[] {
  for (const { at } of failed) outcomes[at] = why;
  return all.filter((entry) => !failed.includes(entry));
}

function overtakenTooOften(streamId: string): FailedAppend {
  const message = `RethinkDB: other writers were first on stream '${streamId}' ${OVERTAKEN_MAX} times: try again later`;
  return { kind: 'failed', error: new EngineError('ENGINE_OVERLOADED', message, { retryable: true }) };
}

function documentOf(id: string, { streamId, events }: AppendRequest, head: number): object {
  const plain = events.map(({ id, name, data, metadata }: NewEvent) => ({ id, name, data, metadata }));
  return { id, stream: streamId, first: head + 1, last: head + events.length, events: plain };
}

function placedOf({ request: { streamId, events }, head }: Entry): PlacedCommit {
  const [{ id: event, name }] = events as [NewEvent];
  const names = events.length === 1 ? [name] : [...new Set(events.map((each) => each.name))];
  return { stream: streamId, first: head + 1, count: events.length, event, names };
}

function firstEventOf({ request: { events } }: Entry): string {
  return (events[0] as NewEvent).id;
}
