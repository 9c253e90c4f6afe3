import { EngineError } from '../../../kernel/values/errors.js';
import type { Connections } from '../connections/connections.js';
import type { Reql, Term } from '../connections/driver.js';

/**
 * One document says that all tables are there, one of each, and how they are laid out; nobody writes anything else before it does. Until then it says who
 * is making them: one node at a time. It stands in the table `checkpoints`, which is made first: of what two servers make twice, that table decides what
 * stays, because a mark and a claim collide.
 */
export class LayoutMark {
  readonly #r: Reql;
  readonly #connections: Connections;
  readonly #database: string;
  readonly #maker: string;
  readonly #nowMs: () => number;
  #beat = 0;
  /** Another's claim, and since when it has stood so. */
  #claimed: { readonly text: string; readonly sinceMs: number } | undefined;

  /** @param maker who this node is to the others. @param nowMs the monotonic clock. */
  constructor(r: Reql, connections: Connections, database: string, maker: string, nowMs: () => number) {
    this.#r = r;
    this.#connections = connections;
    this.#database = database;
    this.#maker = maker;
    this.#nowMs = nowMs;
  }

  /** Whether everything was made, once. @throws EngineError (`SCHEMA_TOO_NEW`). */
  async isSet(): Promise<boolean> {
    const found = await this.#found(this.#database, 'checkpoints');
    if (found && found.version > VERSION) {
      const message = `RethinkDB: database '${this.#database}' was laid out by a newer version of this library (${found.version}, known here: ${VERSION}): update this node`;
      throw new EngineError('SCHEMA_TOO_NEW', message);
    }
    return found?.version === VERSION;
  }

  /** Whether somebody is making the tables. */
  async isClaimed(): Promise<boolean> {
    return (await this.#found(this.#database, 'checkpoints'))?.version === UNFINISHED;
  }

  /** Whether it is for this node to make what is missing. */
  async claim(): Promise<boolean> {
    const found = await this.#insert(this.#database, 'checkpoints', this.#maker);
    if (!found || found.version >= VERSION || found.by === this.#maker) return true;
    const text = `${found.by} ${found.beat}`;
    if (this.#claimed?.text !== text) this.#claimed = { text, sinceMs: this.#nowMs() };
    if (this.#nowMs() - this.#claimed.sinceMs < CLAIM_MS_MAX) return false;
    return this.#replace(this.#database, 'checkpoints', found.by ?? '', this.#claimOf(this.#maker));
  }

  /** Says that it is still at it. Where all was set once, there is nothing to say. */
  async renew(): Promise<void> {
    await this.#replace(this.#database, 'checkpoints', this.#maker, this.#claimOf(this.#maker));
  }

  /** All is there. */
  async set(): Promise<void> {
    await this.#replace(this.#database, 'checkpoints', this.#maker, { id: ID, version: VERSION });
  }

  /** Makes sure that nobody begins to use the tables that this `checkpoints` belongs to. @returns false if somebody has. */
  async abandon(database: string, table: string): Promise<boolean> {
    const found = await this.#insert(database, table, NOBODY);
    if (!found || found.by === NOBODY) return true;
    // Whoever claimed it cannot set it any more, and begins anew.
    return found.version === UNFINISHED && this.#replace(database, table, found.by ?? '', this.#claimOf(NOBODY));
  }

  #claimOf(by: string): object {
    this.#beat += 1;
    return { id: ID, version: UNFINISHED, by, beat: this.#beat };
  }

  #documents(database: string, table: string): Term {
    return this.#r.db(database).table(table, { readMode: 'majority' });
  }

  #found(database: string, table: string): Promise<Mark | null> {
    return this.#connections.read<Mark | null>(this.#documents(database, table).get(ID).default(null));
  }

  /** Claims it for somebody. @returns what is there already, if there is anything. */
  async #insert(database: string, table: string, by: string): Promise<Mark | null> {
    const insert = this.#documents(database, table).insert(this.#claimOf(by));
    const { inserted } = await this.#connections.write<{ inserted: number }>(insert);
    if (inserted === 1) return null;
    const found = await this.#found(database, table);
    if (found) return found;
    throw new EngineError('ENGINE_UNAVAILABLE', 'RethinkDB: the tables could not be claimed', { retryable: true });
  }

  async #replace(database: string, table: string, by: string, next: object): Promise<boolean> {
    const isTheirs = this.#r.row('by').default('').eq(by);
    const replace = this.#documents(database, table)
      .get(ID)
      .replace(this.#r.branch(isTheirs, next, this.#r.row));
    const { replaced } = await this.#connections.write<{ replaced: number }>(replace);
    return replaced === 1;
  }
}

/** How the tables are laid out. */
const VERSION = 1;
/** Its version while the tables are being made. */
const UNFINISHED = 0;
/** Where it stands in `checkpoints`: no other key looks like it. */
const ID = 'schema';
/** Who claims tables that are about to be dropped. */
const NOBODY = 'dropped';
/** A claim that has not been renewed for so long is its maker's no more: it died. Milliseconds. */
const CLAIM_MS_MAX = 20_000;

interface Mark {
  readonly version: number;
  /** Who is making the tables, and how often that was said. */
  readonly by?: string;
  readonly beat?: number;
}
