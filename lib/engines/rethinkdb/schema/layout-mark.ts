import { EngineError } from '../../../kernel/values/index.js';
import type { Connections, Reql, Term } from '../connections/index.js';

/**
 * One document that says that all tables exist, one of each, and which layout they have. Nobody writes anything else
 * before it does. Until then, it says which node is creating them: one at a time. It is in the table `checkpoints`,
 * which is created first. If two servers create tables twice, this table decides which ones stay, because a mark and a
 * claim collide.
 */
export class LayoutMark {
  readonly #r: Reql;
  readonly #connections: Connections;
  readonly #database: string;
  readonly #maker: string;
  readonly #nowMs: () => number;
  #beat = 0;
  /** Another node's claim, and since when it has not changed. */
  #claimed: { readonly text: string; readonly sinceMs: number } | undefined;

  /**
   * @param maker identifies this node to the others.
   * @param nowMs the monotonic clock.
   */
  constructor(r: Reql, connections: Connections, database: string, maker: string, nowMs: () => number) {
    this.#r = r;
    this.#connections = connections;
    this.#database = database;
    this.#maker = maker;
    this.#nowMs = nowMs;
  }

  /** Whether everything has been created. @throws EngineError (`SCHEMA_TOO_NEW`). */
  async isSet(): Promise<boolean> {
    const found = await this.#found(this.#database, 'checkpoints');
    if (found && found.version > VERSION) {
      const message = `RethinkDB: database '${this.#database}' was created by a newer version of this library (layout ${found.version}, this one knows ${VERSION}): update this node`;
      throw new EngineError('SCHEMA_TOO_NEW', message);
    }
    return found?.version === VERSION;
  }

  /** Whether a node is creating the tables. */
  async isClaimed(): Promise<boolean> {
    return (await this.#found(this.#database, 'checkpoints'))?.version === UNFINISHED;
  }

  /** Claims the task of creating what is missing. Resolves to whether this node has it. */
  async claim(): Promise<boolean> {
    const found = await this.#insert(this.#database, 'checkpoints', this.#maker);
    if (!found || found.version >= VERSION || found.by === this.#maker) return true;
    const text = `${found.by} ${found.beat}`;
    if (this.#claimed?.text !== text) this.#claimed = { text, sinceMs: this.#nowMs() };
    if (this.#nowMs() - this.#claimed.sinceMs < CLAIM_MS_MAX) return false;
    return this.#replace(this.#database, 'checkpoints', found.by ?? '', this.#claimOf(this.#maker));
  }

  /** Renews the claim. Once the mark is set, there is nothing to renew. */
  async renew(): Promise<void> {
    await this.#replace(this.#database, 'checkpoints', this.#maker, this.#claimOf(this.#maker));
  }

  /** Marks that everything exists. */
  async set(): Promise<void> {
    await this.#replace(this.#database, 'checkpoints', this.#maker, { id: ID, version: VERSION });
  }

  /**
   * Makes sure that nobody begins to use the tables that this `checkpoints` belongs to.
   *
   * @returns false if somebody already has.
   */
  async abandon(database: string, table: string): Promise<boolean> {
    const found = await this.#insert(database, table, NOBODY);
    if (!found || found.by === NOBODY) return true;
    // The node that claimed it can no longer set it, and begins anew.
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

  /** Inserts a claim. @returns what is already there, if there is anything. */
  async #insert(database: string, table: string, by: string): Promise<Mark | null> {
    const insert = this.#documents(database, table).insert(this.#claimOf(by));
    const { inserted } = await this.#connections.write<{ inserted: number }>(insert);
    if (inserted === 1) return null;
    const found = await this.#found(database, table);
    if (found) return found;
    throw new EngineError(
      'ENGINE_UNAVAILABLE',
      'RethinkDB: the claim to create the tables could not be stored: it is tried again',
      { retryable: true },
    );
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

/** The version of the tables' layout. */
const VERSION = 1;
/** The version while the tables are being created. */
const UNFINISHED = 0;
/** The key in `checkpoints`. No other key looks like it. */
const ID = 'schema';
/** The owner of a claim on tables that are about to be dropped. */
const NOBODY = 'dropped';
/** After this time without renewal, a claim is void: its node died. Milliseconds. */
const CLAIM_MS_MAX = 20_000;

interface Mark {
  readonly version: number;
  /** Which node is creating the tables, and how often it has renewed its claim. */
  readonly by?: string;
  readonly beat?: number;
}
