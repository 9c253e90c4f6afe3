import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Order, Store } from '../processes/cluster-node.js';

const NODE = join(process.cwd(), '.build/test/processes/cluster-node.js');

type OrderWithoutNumber = Order extends infer Each ? (Each extends Order ? Omit<Each, 'n'> : never) : never;

/** One application process of a cluster, at the test's orders. */
export class ClusterNode {
  readonly process: ChildProcess;
  /** Tokens by what became of them, as `till-1 token`. */
  readonly acknowledged: string[] = [];
  readonly failed: string[] = [];
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #orders = 0;
  #output = '';

  private constructor(
    readonly nodeId: string,
    readonly store: Store,
  ) {
    if (!existsSync(NODE)) throw new Error(`${NODE} is missing: run 'npm run build' first (npm test does)`);
    const stdio: ('ignore' | 'pipe' | 'inherit' | 'ipc')[] = ['ignore', 'pipe', 'inherit', 'ipc'];
    this.process = fork(NODE, [JSON.stringify({ store, nodeId })], { stdio, execArgv: [] });
    running.add(this);
    this.process.stdout?.on('data', (chunk: Buffer) => this.#heard(chunk.toString()));
    this.process.on('message', (answer: Answer) => this.#answered(answer));
    this.process.once('exit', (code, signal) => {
      running.delete(this);
      for (const { reject } of this.#waiting.values()) reject(new Error(`${nodeId} ended: ${signal ?? code}`));
      this.#waiting.clear();
    });
  }

  static async start(nodeId: string, store: Store): Promise<ClusterNode> {
    const node = new ClusterNode(nodeId, store);
    await new Promise((resolve, reject) => {
      node.#waiting.set(0, { resolve, reject });
    });
    return node;
  }

  /** Gives an order. @throws what it failed with, with name and code. */
  order<T = unknown>(order: OrderWithoutNumber): Promise<T> {
    const n = ++this.#orders;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(n, { resolve: resolve as (value: unknown) => void, reject });
      this.process.send({ ...order, n } as Order);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Resolves when it is gone and all that it said has arrived. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const closed = new Promise((resolve) => this.process.once('close', resolve));
    this.process.kill(signal);
    await closed;
  }

  #answered({ n, value, error }: Answer): void {
    const waiting = this.#waiting.get(n);
    this.#waiting.delete(n);
    if (error) waiting?.reject(Object.assign(new Error(error.message), error));
    else waiting?.resolve(value);
  }

  #heard(text: string): void {
    const lines = (this.#output + text).split('\n');
    this.#output = lines.pop() as string;
    for (const line of lines) {
      const [what, stream, token, code] = line.split(' ');
      if (what === 'ok') this.acknowledged.push(`${stream} ${token}`);
      else if (what === 'failed') this.failed.push(`${stream} ${token} ${code}`);
    }
  }
}

const running = new Set<ClusterNode>();
process.once('exit', () => {
  for (const node of running) node.signal('SIGKILL');
});

/** For the end of a spec, also of one that failed. */
export async function endNodes(): Promise<void> {
  await Promise.all([...running].map((node) => node.end('SIGKILL')));
}

/** p50, p99 and maximum of some times, for people to read. */
export function summaryOf(timesMs: readonly number[]): string {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, maximum ${at(1)} ms of ${sorted.length}`;
}
