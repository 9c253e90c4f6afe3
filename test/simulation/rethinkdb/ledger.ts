import type { AppendRequest } from '../../../lib/engine/duties/append.js';
import type { CommitDocument } from '../../../lib/engines/rethinkdb/commits/commit-document.js';
import type { LogDocument } from '../../../lib/engines/rethinkdb/commits/log-entry.js';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import type { Table } from './table.js';
import type { Document } from './terms.js';
import type { VirtualTime } from './virtual-time.js';

interface Sent {
  readonly request: AppendRequest;
  version?: number;
  isRefused?: boolean;
}

/** What was asked for, what was answered, and what a majority has: all that is wrong about it. */
export class Ledger {
  readonly faults: string[] = [];
  readonly all: Sent[] = [];
  readonly #time: VirtualTime;
  /** Versions of each stream at which a commit ends that a majority has. */
  readonly #ends = new Map<string, Set<number>>();
  readonly #logEnds = new Set<number>([0]);

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  sent(request: AppendRequest): Sent {
    const entry: Sent = { request };
    this.all.push(entry);
    return entry;
  }

  stored(entry: Sent, version: number): void {
    entry.version = version;
  }

  refused(entry: Sent): void {
    entry.isRefused = true;
  }

  failed(error: unknown): void {
    if (!(error instanceof EngineError && (error.retryable || error.outcomeUnknown)))
      this.fault('an append failed', error);
  }

  fault(what: string, error?: unknown): void {
    const { code, message } = (error ?? {}) as { code?: string; message?: string };
    const said = error === undefined ? '' : `: ${code ?? ''} ${message ?? String(error)}`;
    this.faults.push(`${(this.#time.nowMs / 1_000).toFixed(3)} s ${what}${said}`);
  }

  /** A majority has this entry: so it must have what comes before it. */
  committed(table: Table, document: Document | null | undefined): void {
    if (!document) return;
    if (table.name === 'commits' && 'stream' in document) this.#commit(document as unknown as CommitDocument);
    if (table.name === 'log') this.#place(document as unknown as LogDocument);
  }

  #commit({ stream, first, last, events }: CommitDocument): void {
    const ends = this.#ends.get(stream) ?? new Set([0]);
    this.#ends.set(stream, ends);
    if (!ends.has(first - 1))
      this.fault(`stream ${stream}: a commit ${first}..${last} is stored, and none that ends before it`);
    if (last !== first + events.length - 1)
      this.fault(`stream ${stream}: commit ${first}..${last} has ${events.length} events`);
    ends.add(last);
  }

  #place({ id, count }: LogDocument): void {
    if (!this.#logEnds.has(id)) this.fault(`the log has an entry after ${id}, and none that ends there`);
    this.#logEnds.add(id + count);
  }
}
