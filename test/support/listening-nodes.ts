import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer } from '../processes/cluster-node.js';
import type { ListeningJob, ListeningOrder } from '../processes/listening-node.js';

const NODE = join(process.cwd(), '.build/test/processes/listening-node.js');

type OrderWithoutNumber = ListeningOrder extends infer Each
  ? Each extends ListeningOrder
    ? Omit<Each, 'n'>
    : never
  : never;

/** One process that listens, at the test's orders. */
export class ListeningNode {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #orders = 0;

  private constructor(readonly job: ListeningJob) {
    if (!existsSync(NODE)) throw new Error(`${NODE} is missing: run 'npm run build' first (npm test does)`);
    this.#process = fork(NODE, [JSON.stringify(job)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] });
    running.add(this);
    this.#process.on('message', ({ n, value, error }: Answer) => {
      const waiting = this.#waiting.get(n);
      this.#waiting.delete(n);
      if (error) waiting?.reject(Object.assign(new Error(error.message), error));
      else waiting?.resolve(value);
    });
    this.#process.once('exit', (code, signal) => {
      running.delete(this);
      for (const { reject } of this.#waiting.values()) reject(new Error(`${job.nodeId} ended: ${signal ?? code}`));
      this.#waiting.clear();
    });
  }

  /** Resolves when it listens. */
  static async start(job: ListeningJob): Promise<ListeningNode> {
    const node = new ListeningNode(job);
    await new Promise((resolve, reject) => {
      node.#waiting.set(0, { resolve, reject });
    });
    return node;
  }

  /** Gives an order. @throws what it failed with, or that the process ended. */
  order(order: OrderWithoutNumber): Promise<unknown> {
    const n = ++this.#orders;
    return new Promise((resolve, reject) => {
      this.#waiting.set(n, { resolve, reject });
      this.#process.send({ ...order, n } as ListeningOrder, (error) => {
        if (error) reject(error);
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill(signal);
    await gone;
  }
}

const running = new Set<ListeningNode>();
process.once('exit', () => {
  for (const node of running) node.signal('SIGKILL');
});

/** For the end of a spec, also of one that failed. */
export async function endListeningNodes(): Promise<void> {
  await Promise.all([...running].map((node) => node.end('SIGKILL')));
}
