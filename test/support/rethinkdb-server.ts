import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// The real one, also where a test runner has replaced the global.
import { setTimeout } from 'node:timers';
import { patientMs } from './machine-speed.js';
import { freePort } from './ports.js';

/*
 * Real RethinkDB servers for specs, benches and the processes they start. Nothing here needs Jest, the library or the
 * driver.
 */

/** Longest that a server may take until it answers. Milliseconds. */
const START_MS_MAX = 30_000;
/** How often new ports are tried when somebody else was quicker to take them. */
const PORT_TRIES_MAX = 5;
/** What is kept of a server's output, for error messages. Characters. */
const OUTPUT_LENGTH_MAX = 20_000;

/** Is told the server's process id, or an empty line when it has ended; cleans up when the pipe to it breaks. */
const GUARD = 'pid=; while read line; do pid=$line; done; test "$pid" && kill -9 "$pid"; rm -rf "$1"';

/** Whether there is a server to start. */
export const hasRethinkDb = spawnSync('rethinkdb', ['--version']).status === 0;

export interface ServerOptions {
  /** Its name in the cluster. Default: from its port. */
  readonly name?: string;
  /** Cluster port of a server to join, or of several. */
  readonly join?: number | readonly number[];
  /** Password of the user `admin`. Default: none. */
  readonly password?: string;
  /** Files in PEM format: clients must then connect with TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly cacheMb?: number;
}

/** A RethinkDB server of a test's own, in a folder of its own. */
export class RethinkDbProcess {
  readonly host = '127.0.0.1';
  readonly folder = mkdtempSync(join(tmpdir(), 'omniscient-rethinkdb-'));
  readonly options: ServerOptions;
  #port = 0;
  #clusterPort = 0;
  #process: ChildProcess | undefined;
  readonly #guard = this.#startGuard();
  #output = '';
  /** Others of its cluster that it is connected to, by name. */
  readonly #peers = new Set<string>();
  readonly #joins = new Set<number>();

  private constructor(options: ServerOptions) {
    this.options = options;
    for (const port of [options.join ?? []].flat()) this.#joins.add(port);
  }

  static async start(options: ServerOptions = {}): Promise<RethinkDbProcess> {
    const server = new RethinkDbProcess(options);
    running.add(server);
    try {
      await server.#runSomewhere();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  get port(): number {
    return this.#port;
  }

  get clusterPort(): number {
    return this.#clusterPort;
  }

  get name(): string {
    return this.options.name ?? `s${this.#port}`;
  }

  /** Process id of the server while it runs. */
  get pid(): number | undefined {
    return this.#isRunning() ? this.#process?.pid : undefined;
  }

  /** What it said since it was last started. */
  get output(): string {
    return this.#output;
  }

  /** Sends it a signal, and does not wait for what comes of it. */
  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** It keeps its connections and says nothing more. */
  pause(): void {
    this.kill('SIGSTOP');
  }

  resume(): void {
    this.kill('SIGCONT');
  }

  /** Ends it by this signal (`'SIGINT'` lets it shut down in order) and waits for the end; its folder stays. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (!child || !this.#isRunning()) return;
    child.ref();
    const exit = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exit;
  }

  /** Kills it if it runs, and runs it again: the same folder and ports. */
  async restart(): Promise<void> {
    await this.end();
    await this.#run();
  }

  /** Kills it and runs it again where, of its cluster, only these find it: it is cut off from the others. */
  async restartWith(others: readonly RethinkDbProcess[]): Promise<void> {
    await this.end();
    this.#clusterPort = await freePort();
    this.#joins.clear();
    for (const { clusterPort } of others) this.#joins.add(clusterPort);
    await this.#run();
    await this.sees(others);
  }

  /** Kills it and removes its folder. */
  async stop(): Promise<void> {
    running.delete(this);
    await this.end();
    this.#guard.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Resolves when it is connected to all of these; from now on it looks for them when it is restarted. */
  async sees(others: readonly RethinkDbProcess[]): Promise<void> {
    for (const { clusterPort } of others) this.#joins.add(clusterPort);
    const missing = () => others.filter(({ name }) => !this.#peers.has(name)).map(({ name }) => name);
    await this.#until(() => missing().length === 0, `${this.name} does not see ${missing().join(', ')}`);
  }

  async #runSomewhere(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      [this.#port, this.#clusterPort] = [await freePort(), await freePort()];
      try {
        return await this.#run();
      } catch (error) {
        if (tries >= PORT_TRIES_MAX || !this.#output.includes('already in use')) throw error;
      }
    }
  }

  async #run(): Promise<void> {
    const child = spawn('rethinkdb', this.#flags(), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    this.#output = '';
    this.#peers.clear();
    const hear = (chunk: Buffer) => this.#hear(chunk.toString());
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', (error) => this.#hear(`${error}\n`));
    child.once('exit', () => this.#guard.stdin?.write('\n'));
    this.#guard.stdin?.write(`${child.pid ?? ''}\n`);
    await this.#until(() => this.#output.includes('Server ready'), `${this.name} is not ready`);
    await answers(this.#port, this.host);
    // Who forgets it may still end; the guard sees to the rest.
    unref(child, child.stdout, child.stderr);
  }

  #flags(): string[] {
    const { password, tls, cacheMb = 128 } = this.options;
    const flags = ['--no-http-admin', '--no-update-check', '--bind', '127.0.0.1', '--cache-size', `${cacheMb}`];
    flags.push('--directory', join(this.folder, 'data'), '--server-name', this.name);
    flags.push('--driver-port', `${this.#port}`, '--cluster-port', `${this.#clusterPort}`);
    for (const port of this.#joins) flags.push('--join', `127.0.0.1:${port}`);
    if (password) flags.push('--initial-password', password);
    if (tls) flags.push('--driver-tls-key', tls.key, '--driver-tls-cert', tls.cert);
    return flags;
  }

  /** Runs until this process ends, however that comes: when we are killed, no handler of ours runs any more. */
  #startGuard(): ChildProcess {
    const guard = spawn('sh', ['-c', GUARD, 'guard', this.folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    guard.stdin.on('error', () => {});
    unref(guard, guard.stdin);
    return guard;
  }

  #hear(text: string): void {
    this.#output = (this.#output + text).slice(-OUTPUT_LENGTH_MAX);
    for (const [, gone, name] of text.matchAll(/^(Disc|C)onnected (?:to|from) server "([^"]+)"/gm)) {
      if (gone === 'C') this.#peers.add(name as string);
      else this.#peers.delete(name as string);
    }
  }

  async #until(holds: () => boolean, otherwise: string): Promise<void> {
    const deadlineMs = performance.now() + patientMs(START_MS_MAX);
    while (!holds()) {
      const late = performance.now() > deadlineMs;
      if (late || !this.#isRunning()) throw new Error(`rethinkdb: ${otherwise}. It said:\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #isRunning(): boolean {
    const child = this.#process;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }
}

/** These alone do not keep this process alive. */
function unref(...handles: object[]): void {
  for (const handle of handles) (handle as { unref(): void }).unref();
}

const running = new Set<RethinkDbProcess>();

/** A server of the caller's own, that answers on its driver port. */
export function startRethinkDb(options?: ServerOptions): Promise<RethinkDbProcess> {
  return RethinkDbProcess.start(options);
}

/** So many servers, each of which sees all others. */
export async function startRethinkDbCluster(
  count: number,
  options: Omit<ServerOptions, 'name' | 'join'> = {},
): Promise<RethinkDbProcess[]> {
  const first = await RethinkDbProcess.start(options);
  const others = await Promise.all(
    Array.from({ length: count - 1 }, () => RethinkDbProcess.start({ ...options, join: first.clusterPort })),
  );
  const all = [first, ...others];
  await Promise.all(all.map((server) => server.sees(all.filter((other) => other !== server))));
  return all;
}

/** For the end of a spec, also of one that failed: stops every server that this process started. */
export async function stopAllRethinkDb(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()));
}

/** What a client of the server has to trust, and what the server shows: made by the openssl of this machine. */
export function selfSignedCertificate(folder: string): { key: string; cert: string } {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = spawnSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject],
    { encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.error ?? made.stderr}`);
  return { key, cert };
}

/** Resolves when somebody listens there. */
function answers(port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
