import { type Environment, SYSTEM, type Timer } from '../../../engine/environment/index.js';
import { EngineError } from '../../../kernel/values/index.js';
import type { Connections, Reql, Term } from '../connections/index.js';
import { Batch, unpacked } from './log-entry.js';

/**
 * Announcements: a writer stores what it is about to commit, in the same insert as the commits, so that one write to
 * disk serves both. If the writer dies before its commits have positions, their announcement leads to them.
 */
export class Announcements {
  readonly #r: Reql;
  readonly #commits: Term;
  readonly #connections: Connections;
  readonly #environment: Environment;
  #done: string[] = [];
  #dropTimer: Timer | undefined;

  constructor(r: Reql, db: Term, connections: Connections, environment = SYSTEM) {
    this.#r = r;
    this.#commits = db.table('commits', { readMode: 'majority' });
    this.#connections = connections;
    this.#environment = environment;
  }

  /** Returns the document that goes along with the batch. */
  of({ id, text }: Batch): AnnouncementDocument {
    return { id: INTENT + id, commits: text };
  }

  /** Announces these batches, unless they are already announced. */
  async write(batches: readonly Batch[]): Promise<void> {
    const documents = this.#r.json(JSON.stringify(batches.map((batch) => this.of(batch))));
    const insert = this.#commits.insert(documents, { durability: 'hard', conflict: 'replace' });
    const answer = await this.#connections.write<{ errors: number; first_error?: string }>(insert);
    if (answer.errors === 0) return;
    const message = `RethinkDB: announcements of commits could not be stored: ${answer.first_error}`;
    throw new EngineError('ENGINE_UNAVAILABLE', message, { retryable: true });
  }

  /** Resolves to the ids of the batches that are announced now. */
  ids(): Promise<string[]> {
    const keys = this.#commits.between(INTENT, INTENTS_END)('id').limit(IDS_MAX).coerceTo('array');
    return this.#connections.read<string[]>(keys).then((found) => found.map((key) => key.slice(INTENT.length)));
  }

  /**
   * Resolves to those of the batches that can be read. One that somebody changed by hand must not keep others from
   * their positions.
   */
  async read(ids: readonly string[]): Promise<Batch[]> {
    if (ids.length === 0) return [];
    const documents = this.#commits.getAll(this.#r.args(ids.map((id) => INTENT + id))).coerceTo('array');
    const found = await this.#connections.read<AnnouncementDocument[]>(documents);
    return found.flatMap(batchIn);
  }

  /** Deletes announcements of batches that have their positions, so that nobody looks for them any more. */
  drop(ids: readonly string[]): void {
    this.#done.push(...ids);
    if (this.#dropTimer) return;
    this.#dropTimer = this.#environment.setTimeout(() => void this.#dropAll(), DROP_MS);
    this.#dropTimer.unref();
  }

  close(): Promise<void> {
    return this.#dropAll();
  }

  async #dropAll(): Promise<void> {
    this.#environment.clearTimeout(this.#dropTimer);
    this.#dropTimer = undefined;
    const keys = this.#done.map((id) => INTENT + id);
    this.#done = [];
    if (keys.length === 0) return;
    // Not a soft delete: until the server writes it to disk, it would delay the hard writes to the same table.
    const gone = this.#commits.getAll(this.#r.args(keys)).delete({ durability: 'hard' });
    await this.#connections.write(gone).catch(() => {
      // A sweep finds them with positions, and deletes them.
    });
  }
}

/** An announcement as it is stored. */
interface AnnouncementDocument {
  readonly id: string;
  readonly commits: string;
}

/** The keys of announcements begin with this character. No commit's key does. */
const INTENT = ':';
const INTENTS_END = ';';
/** Most announcements that are looked at together. */
const IDS_MAX = 10_000;
/** Announcements are deleted together. This is how long the first of them waits. Milliseconds. */
const DROP_MS = 250;

/** Returns the key of a batch's announcement. */
export function announcementKeyOf({ id }: Batch): string {
  return INTENT + id;
}

function batchIn({ id, commits }: AnnouncementDocument): Batch[] {
  try {
    return [new Batch(id.slice(INTENT.length), unpacked(commits, 'commits', id))];
  } catch {
    return [];
  }
}
