// The real one, also where a test runner has replaced the global.
import { setTimeout } from 'node:timers';
import { Backoff } from '../../engine/backoff.js';
import { EngineError } from '../../kernel/errors.js';
import type { Connections } from './connections.js';
import type { Reql, Term } from './driver.js';
import type { Settings } from './options.js';

/** Oldest server that will do. */
const VERSION_MIN = [2, 4] as const;
/** Servers that fewer than stand no failure. */
const SERVERS_MIN = 3;
/** A dead server is replaced after this by RethinkDB itself; seconds. Its own default is 10. */
const HEARTBEAT_TIMEOUT_SECS_MAX = 3;
/** How long new tables may take to be ready. Seconds. */
const READY_SECS_MAX = 20;

/** How long after a table was created one of the same name may still appear, created by another node at the same moment. Milliseconds. */
const SETTLE_MS = 200;
/** How often it is begun anew because others create the same. */
const TRIES_MAX = 20;

/** What is heard while others create the same: two of one name, or one that is said to be there and is not yet. */
const UNSETTLED: ReadonlySet<string> = new Set(['DATABASE_AMBIGUOUS', 'TABLE_MISSING']);

/** Our tables. Those of commits are split into `shards`; the others stay whole. */
const TABLES = {
  commits: { isSharded: true, indexes: {} },
  log: { isSharded: false, indexes: { batches: { multi: true } } },
  snapshots: { isSharded: true, indexes: { stream: {} } },
  nodes: { isSharded: false, indexes: {} },
  messages: { isSharded: false, indexes: { to: {} } },
  schedules: { isSharded: false, indexes: { owner: {} } },
  checkpoints: { isSharded: false, indexes: {} },
} as const;

export type TableName = keyof typeof TABLES;

/** The cluster as it is found, and our tables in it. */
export class Schema {
  readonly #r: Reql;
  readonly #connections: Connections;
  readonly #settings: Settings;

  constructor(r: Reql, connections: Connections, settings: Settings) {
    this.#r = r;
    this.#connections = connections;
    this.#settings = settings;
  }

  /** Checks the servers and creates what is missing; any number of nodes may do so at the same time. */
  async prepare(): Promise<void> {
    const servers = await this.#checkServers();
    const backoff = new Backoff(SETTLE_MS);
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#createMissing(servers);
        return;
      } catch (error) {
        // Others are creating the same at this very moment.
        if (!(error instanceof EngineError && UNSETTLED.has(error.code)) || tries >= TRIES_MAX) throw error;
        await wait(backoff.nextMs());
        if (error.code === 'DATABASE_AMBIGUOUS') await this.#dropDoubles();
      }
    }
  }

  async #createMissing(servers: number): Promise<void> {
    await this.#unlessThere(this.#r.dbCreate(this.#settings.database));
    if (await this.#createTables(servers)) {
      // Until whatever was created at the same time shows, and before anybody writes to it.
      await wait(SETTLE_MS);
      await this.#dropDoubles();
    }
    for (const [name, { indexes }] of Object.entries(TABLES)) {
      const table = this.#db.table(name);
      for (const [index, options] of Object.entries(indexes))
        await this.#unlessThere(table.indexCreate(index, options));
    }
    await this.#connections.write(this.#db.wait({ timeout: READY_SECS_MAX }));
    for (const name of Object.keys(TABLES)) await this.#connections.read(this.#db.table(name).indexWait());
  }

  get #db(): Term {
    return this.#r.db(this.#settings.database);
  }

  get #system(): Term {
    return this.#r.db('rethinkdb');
  }

  /** How many servers there are. */
  async #checkServers(): Promise<number> {
    let servers: { name: string; process: { version: string } }[];
    try {
      const status = this.#system.table('server_status').pluck('name', { process: 'version' }).coerceTo('array');
      servers = await this.#connections.read(status);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'PERMISSION_DENIED') throw error;
      this.#settings.warn(
        "RethinkDB: this user may not read the system tables, so the servers' versions and number are not checked",
      );
      return 1;
    }
    for (const { name, process } of servers) assertVersion(name, process.version);
    if (servers.length < SERVERS_MIN) {
      this.#settings.warn(
        `RethinkDB: the cluster has ${servers.length} server${servers.length === 1 ? '' : 's'}: with fewer than ${SERVERS_MIN} nothing can be stored while one is down`,
      );
    } else await this.#checkHeartbeat();
    return servers.length;
  }

  async #checkHeartbeat(): Promise<void> {
    const config = this.#system.table('cluster_config').get('heartbeat').default(null);
    const found = await this.#connections.read<{ heartbeat_timeout_secs?: number } | null>(config);
    const seconds = found?.heartbeat_timeout_secs ?? 10;
    if (seconds <= HEARTBEAT_TIMEOUT_SECS_MAX) return;
    this.#settings.warn(
      `RethinkDB: heartbeat_timeout_secs is ${seconds}: for that long nothing is stored when a server dies. Set it to ` +
        `${HEARTBEAT_TIMEOUT_SECS_MAX} or less: r.db('rethinkdb').table('cluster_config').get('heartbeat').update({ heartbeat_timeout_secs: 2 })`,
    );
  }

  async #createTables(servers: number): Promise<boolean> {
    const replicas = this.#settings.replicas ?? Math.min(servers, SERVERS_MIN);
    const there = await this.#connections.read<string[]>(this.#db.tableList());
    const missing = (Object.keys(TABLES) as TableName[]).filter((name) => !there.includes(name));
    await Promise.all(
      missing.map((name) => {
        const shards = TABLES[name].isSharded ? this.#settings.shards : 1;
        return this.#unlessThere(
          this.#db.tableCreate(name, { replicas, shards, durability: this.#settings.durability }),
        );
      }),
    );
    return missing.length > 0;
  }

  /** Servers that create a table at the very same moment make two of one name. The lower id stays; the other is still empty. */
  async #dropDoubles(): Promise<void> {
    const { database } = this.#settings;
    const config = this.#system.table('table_config');
    const all = await this.#connections.read<{ id: string; name: string }[]>(
      config.filter({ db: database }).pluck('id', 'name').coerceTo('array'),
    );
    const seen = new Set<string>();
    for (const { id, name } of all.sort((a, b) => (a.id < b.id ? -1 : 1))) {
      if (seen.has(name)) await this.#connections.write(config.get(id).delete());
      seen.add(name);
    }
  }

  async #unlessThere(create: Term): Promise<void> {
    try {
      await this.#connections.write(create);
    } catch (error) {
      if (!(error instanceof EngineError) || !/already exists/.test(error.message)) throw error;
    }
  }
}

/** @throws EngineError (`SERVER_TOO_OLD`). */
export function assertVersion(server: string, version: string): void {
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  if (major > VERSION_MIN[0] || (major === VERSION_MIN[0] && minor >= VERSION_MIN[1])) return;
  throw new EngineError(
    'SERVER_TOO_OLD',
    `RethinkDB: server '${server}' is ${version}, but ${VERSION_MIN.join('.')} is the oldest that will do: update it`,
  );
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
