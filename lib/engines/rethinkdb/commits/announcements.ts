import type { Environment, Timer } from '../../../engine/environment/environment.js';
import { SYSTEM } from '../../../engine/environment/system-environment.js';
import { EngineError } from '../../../kernel/values/errors.js';
import type { Connections } from '../connections/connections.js';
import type { Reql, Term } from '../connections/driver.js';
import { Batch, unpacked } from './log-entry.js';

/**
 * What writers are about to store, written in the same insert with it, so that one write to disk serves both. What a writer stored and could not
 * place, because it died, is found by its announcement.
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

  /** The document that goes along with the batch. */
  of({ id, text }: Batch): AnnouncementDocument {
    return { id: INTENT + id, commits: text };
  }

  /** Announces these, if they are not yet. */
  async write(batches: readonly Batch[]): Promise<void> {
    const documents = this.#r.json(JSON.stringify(batches.map((batch) => this.of(batch))));
    const insert = this.#commits.insert(documents, { durability: 'hard', conflict: 'replace' });
    const answer = await this.#connections.write<{ errors: number; first_error?: string }>(insert);
    if (answer.errors === 0) return;
    const message = `RethinkDB: what is stored could not be announced: ${answer.first_error}`;
    throw new EngineError('ENGINE_UNAVAILABLE', message, { retryable: true });
  }

  /** The batches that are announced now. */
  ids(): Promise<string[]> {
    const keys = this.#commits.between(INTENT, INTENTS_END)('id').limit(IDS_MAX).coerceTo('array');
    return this.#connections.read<string[]>(keys).then((found) => found.map((key) => key.slice(INTENT.length)));
  }

  /** Those of them that can be read: one that somebody changed by hand must not keep others from their places. */
  async read(ids: readonly string[]): Promise<Batch[]> {
    if (ids.length === 0) return [];
    const documents = this.#commits.getAll(this.#r.args(ids.map((id) => INTENT + id))).coerceTo('array');
    const found = await this.#connections.read<AnnouncementDocument[]>(documents);
    return found.flatMap(batchIn);
  }

  /** They have their places: nobody needs to look for them any more. */
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
    // Not a soft one: until the server writes that to disk, it holds up the hard writes to the same table.
    const gone = this.#commits.getAll(this.#r.args(keys)).delete({ durability: 'hard' });
    await this.#connections.write(gone).catch(() => {
      // A sweep finds them placed, and deletes them.
    });
  }
}

/** As it is stored. */
interface AnnouncementDocument {
  readonly id: string;
  readonly commits: string;
}

/** Keys of announcements begin with this, as no commit's does. */
const INTENT = ':';
const INTENTS_END = ';';
/** Most announcements that are looked at in one go. */
const IDS_MAX = 10_000;
/** Those that are done with are deleted together: how long the first of them waits. Milliseconds. */
const DROP_MS = 250;

/** The key of what announces a batch. */
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
