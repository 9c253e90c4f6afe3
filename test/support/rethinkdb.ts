import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from '@jest/globals';
import { loadDriver, type Reql, type Term } from '../../lib/engines/rethinkdb/driver.js';

/** Longest that a server may take until it answers. Milliseconds. */
const START_MS_MAX = 30_000;

/** Whether there is a server to start. */
export const hasRethinkDb = spawnSync('rethinkdb', ['--version']).status === 0;

/** `describe`, or loudly not: the closing line of the run counts these and says why. */
export function describeWithRethinkDb(name: string, body: () => void): void {
  if (hasRethinkDb) describe(name, body);
  else describe.skip(`${name} [no 'rethinkdb' on the PATH]`, body);
}

export interface ServerOptions {
  readonly name?: string;
  /** Cluster port of a server to join. */
  readonly join?: number;
  readonly password?: string;
}

/** A RethinkDB server of a test's own, in a folder of its own. */
export class RethinkDbProcess {
  readonly host = '127.0.0.1';
  readonly folder = mkdtempSync(join(tmpdir(), 'omniscient-rethinkdb-'));
  #process: ChildProcess | undefined;

  private constructor(
    readonly name: string,
    readonly port: number,
    readonly clusterPort: number,
    readonly options: ServerOptions,
  ) {}

  static async start(options: ServerOptions = {}): Promise<RethinkDbProcess> {
    const [port, clusterPort] = await freePorts(2);
    const server = new RethinkDbProcess(options.name ?? `s${port}`, port as number, clusterPort as number, options);
    running.add(server);
    await server.#run(true);
    return server;
  }

  /** The same folder and ports again. */
  restart(): Promise<void> {
    return this.#run(false);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Kills it and waits for the end. */
  async end(): Promise<void> {
    const process = this.#process;
    if (!process || process.exitCode !== null || process.signalCode !== null) return;
    const exit = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await exit;
  }

  async stop(): Promise<void> {
    running.delete(this);
    await this.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** For the end of this process, also by a crash. */
  stopNow(): void {
    this.#process?.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #run(isNew: boolean): Promise<void> {
    const { join: joined, password } = this.options;
    const flags = ['--no-http-admin', '--no-update-check', '--bind', '127.0.0.1', '--cache-size', '128'];
    const own = [
      '--directory',
      join(this.folder, 'data'),
      '--driver-port',
      `${this.port}`,
      '--cluster-port',
      `${this.clusterPort}`,
    ];
    if (isNew) own.push('--server-name', this.name);
    if (isNew && password) own.push('--initial-password', password);
    if (joined) own.push('--join', `127.0.0.1:${joined}`);
    const child = spawn('rethinkdb', [...flags, ...own], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    let said = '';
    const ready = new Promise<void>((resolve, reject) => {
      const hear = (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('Server ready')) resolve();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('exit', (code) => reject(new Error(`rethinkdb ended with ${code}: ${said}`)));
    });
    ready.catch(() => {});
    await Promise.race([
      ready,
      sleep(START_MS_MAX, undefined, { ref: false }).then(() =>
        Promise.reject(new Error(`rethinkdb is not ready: ${said}`)),
      ),
    ]);
  }
}

const running = new Set<RethinkDbProcess>();
process.once('exit', () => {
  for (const server of running) server.stopNow();
});

/** For the end of a spec, also of one that failed. */
export async function stopRethinkDb(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()));
}

/** So many servers that know each other. */
export async function startRethinkDbCluster(count: number): Promise<RethinkDbProcess[]> {
  const first = await RethinkDbProcess.start();
  const others = await Promise.all(
    Array.from({ length: count - 1 }, () => RethinkDbProcess.start({ join: first.clusterPort })),
  );
  return [first, ...others];
}

/** Runs ReQL with the bare driver. */
export async function withDriver<T>(
  server: { host: string; port: number },
  work: (r: Reql, run: (query: Term) => Promise<unknown>) => Promise<T>,
): Promise<T> {
  const r = await loadDriver();
  const connection = await r.connect({ host: server.host, port: server.port });
  try {
    return await work(r, (query) => query.run(connection));
  } finally {
    await connection.close();
  }
}

export async function emptyTables(server: { host: string; port: number }, database: string): Promise<void> {
  await withDriver(server, async (r, run) => {
    const tables = (await run(r.db(database).tableList())) as string[];
    await Promise.all(tables.map((table) => run(r.db(database).table(table).delete({ durability: 'soft' }))));
  });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
