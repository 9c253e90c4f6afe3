import { backoffIn, type Environment, sleep } from '../../../engine/environment/index.js';
import { EngineError } from '../../../kernel/values/index.js';
import type { Connections, Reql, Settings, Term } from '../connections/index.js';
import { DuplicateNames } from './duplicate-names.js';
import { LayoutMark } from './layout-mark.js';
import { checkServers } from './server-check.js';

/** Our tables in the cluster. */
export class Schema {
  readonly #r: Reql;
  readonly #connections: Connections;
  readonly #settings: Settings;
  readonly #environment: Environment;
  readonly #mark: LayoutMark;
  readonly #duplicates: DuplicateNames;
  #deadlineMs = 0;

  constructor(r: Reql, connections: Connections, settings: Settings) {
    this.#r = r;
    this.#connections = connections;
    this.#settings = settings;
    this.#environment = settings.environment;
    const { database, environment } = settings;
    this.#mark = new LayoutMark(r, connections, database, environment.uuid(), () => environment.monotonicMs());
    this.#duplicates = new DuplicateNames(r, connections, database, this.#mark, environment);
  }

  /**
   * Checks the servers and creates what is missing. Any number of nodes may do so at the same time.
   *
   * @throws EngineError that says what to do.
   */
  async prepare(): Promise<void> {
    this.#putOffDeadline();
    const warned = new Set<string>();
    const warnOnce = (message: string) => {
      if (!warned.has(message)) this.#settings.warn(message);
      warned.add(message);
    };
    const servers = await this.#again(() => checkServers(this.#r, this.#connections, warnOnce));
    await this.#again(async () => {
      if (!(await this.#isComplete())) await this.#complete(servers);
      await this.#ready();
    });
  }

  /** Waits for the tables, but not for all replicas: a node must be able to start while a server is down. */
  async #ready(): Promise<void> {
    await this.#connections.write(this.#db.wait({ timeout: READY_SECS_MAX, waitFor: 'ready_for_writes' }));
  }

  /**
   * Repeats a step until it works. Other nodes may be creating the same tables, and servers may be electing new
   * primaries.
   */
  async #again<T>(step: () => Promise<T>): Promise<T> {
    const backoff = backoffIn(this.#environment, SETTLE_MS);
    for (;;) {
      try {
        return await step();
      } catch (error) {
        const isTransient = error instanceof EngineError && (error.retryable || UNSETTLED.has(error.code));
        // An unreachable server was already tried for `connectTimeoutMs`. One that was lost in the middle was not.
        const isUnreachable = isTransient && error.code === 'ENGINE_UNREACHABLE' && !error.outcomeUnknown;
        if (!isTransient || isUnreachable || this.#environment.monotonicMs() > this.#deadlineMs) throw error;
        await sleep(this.#environment, backoff.nextMs());
        // The server may be cut off from the others. It still answers what it knows by itself, so its refusals alone
        // would not make us leave it.
        if (error.code === 'ENGINE_UNAVAILABLE') await this.#connections.drop(error);
        if (error.code === 'DATABASE_AMBIGUOUS') await this.#dropDoubles();
      }
    }
  }

  #putOffDeadline(): void {
    this.#deadlineMs = this.#environment.monotonicMs() + PREPARE_MS_MAX;
  }

  async #dropDoubles(): Promise<void> {
    await this.#duplicates.drop().catch((error) => {
      // Others drop their duplicates, and names change meanwhile. If it is another fault, the next try meets it again.
      if (!(error instanceof EngineError)) throw error;
    });
  }

  /** Whether there is nothing to do, as on every start but the first. */
  async #isComplete(): Promise<boolean> {
    if ((await this.#missing()).size > 0) return false;
    const isSet = await this.#mark.isSet();
    for (const name of NAMES) {
      const there = await this.#connections.read<string[]>(this.#db.table(name).indexList());
      if (Object.keys(TABLES[name].indexes).some((index) => !there.includes(index))) return false;
    }
    return isSet;
  }

  async #complete(servers: number): Promise<void> {
    await this.#assertNoneDropped();
    await this.#createSettled(['checkpoints'], servers);
    if (!(await this.#mark.claim())) {
      // It has time for as long as the other node goes on. When that stops, the claim passes on.
      this.#putOffDeadline();
      throw unfinished('another node is creating the tables');
    }
    await this.#createSettled(NAMES, servers);
    for (const name of NAMES) {
      await this.#mark.renew();
      await this.#createIndexes(name);
    }
    await this.#mark.set();
    // Of two tables of the same name, the other one may have stayed.
    if (!(await this.#isComplete())) throw unfinished('another node is creating the tables anew');
  }

  /** Creates what is missing, and waits until anything that was created at the same time is visible. */
  async #createSettled(names: readonly TableName[], servers: number): Promise<void> {
    await this.#createTables(names, servers);
    await sleep(this.#environment, SETTLE_MS);
    await this.#dropDoubles();
    await this.#ready();
  }

  /** Refuses to replace a dropped table: an empty one would make a loss look like a new store. */
  async #assertNoneDropped(): Promise<void> {
    for (let isSecondLook = false; ; isSecondLook = true) {
      const missing = await this.#missing();
      const lasting = NAMES.filter((name) => TABLES[name].isLasting);
      const gone = lasting.filter((name) => missing.has(name));
      if (gone.length === 0 || gone.length === lasting.length) return;
      if (!missing.has('checkpoints') && (await this.#mark.isClaimed())) return;
      if (await this.#areEmpty(lasting, missing)) return;
      if (isSecondLook) {
        const message =
          `RethinkDB: of database '${this.#settings.database}' the table ${gone.join(', ')} was dropped, but others still have data. Restore it ` +
          'from a backup, or drop the whole database to begin anew';
        throw new EngineError('TABLE_DROPPED', message);
      }
      // Another node may be creating the tables, and one that has finished may already write.
      await sleep(this.#environment, SETTLE_MS);
    }
  }

  async #areEmpty(names: readonly TableName[], missing: ReadonlySet<TableName>): Promise<boolean> {
    for (const name of names) {
      if (missing.has(name)) continue;
      const isEmpty = await this.#connections.read<boolean>(this.#db.table(name).isEmpty());
      if (!isEmpty) return false;
    }
    return true;
  }

  /** Looks before it creates, because a user who may only use a database need not be allowed to create one. */
  async #missing(): Promise<Set<TableName>> {
    const { database } = this.#settings;
    const databases = await this.#connections.read<string[]>(this.#r.dbList());
    if (!databases.includes(database)) await this.#duplicates.create(this.#r.dbCreate(database));
    const there = await this.#connections.read<string[]>(this.#db.tableList());
    return new Set(NAMES.filter((name) => !there.includes(name)));
  }

  async #createTables(names: readonly TableName[], servers: number): Promise<void> {
    const missing = await this.#missing();
    const { durability } = this.#settings;
    const replicas = this.#settings.replicas ?? Math.min(servers, REPLICAS);
    const creating = names
      .filter((name) => missing.has(name))
      .map((name) => {
        const shards = TABLES[name].isSharded ? this.#settings.shards : 1;
        return this.#duplicates.create(this.#db.tableCreate(name, { replicas, shards, durability }));
      });
    await Promise.all(creating);
  }

  async #createIndexes(name: TableName): Promise<void> {
    const table = this.#db.table(name);
    for (const [index, options] of Object.entries(TABLES[name].indexes)) {
      await this.#duplicates.create(table.indexCreate(index, options));
    }
    await this.#connections.read(table.indexWait());
  }

  get #db(): Term {
    return this.#r.db(this.#settings.database);
  }
}

/** Copies of each table, unless there are fewer servers, or the options say otherwise. */
const REPLICAS = 3;
/** How long tables may take to become ready. Seconds. */
const READY_SECS_MAX = 20;
/**
 * How long after a creation another one of the same name may still appear, created by another node at the same moment.
 * Milliseconds.
 */
const SETTLE_MS = 500;
/** How long to begin anew because others create the same tables, or servers elect new primaries. Milliseconds. */
const PREPARE_MS_MAX = 30_000;

/**
 * Errors that occur while others create the same tables: two of the same name, one that is reported and does not exist
 * yet, or another node at work.
 */
const UNSETTLED: ReadonlySet<string> = new Set(['DATABASE_AMBIGUOUS', 'TABLE_MISSING', 'TABLES_UNFINISHED']);

/**
 * Our tables. Those of commits are split into `shards`; the others are not. Those that are `lasting` cannot be created
 * anew when lost.
 */
const TABLES = {
  commits: { isLasting: true, isSharded: true, indexes: {} },
  log: { isLasting: true, isSharded: false, indexes: { batches: { multi: true } } },
  schedules: { isLasting: true, isSharded: false, indexes: { owner: {} } },
  checkpoints: { isLasting: true, isSharded: false, indexes: {} },
  snapshots: { isLasting: false, isSharded: true, indexes: { stream: {} } },
  nodes: { isLasting: false, isSharded: false, indexes: {} },
  messages: { isLasting: false, isSharded: false, indexes: { to: {} } },
} as const;

export type TableName = keyof typeof TABLES;

const NAMES = Object.keys(TABLES) as TableName[];

function unfinished(what: string): EngineError {
  return new EngineError('TABLES_UNFINISHED', `RethinkDB: ${what}: try again later`, { retryable: true });
}
