import type { Document } from './terms.js';

/** One change of one document; `undefined` changes nothing. */
export interface LogEntry {
  readonly key: string | number;
  readonly document: Document | null | undefined;
  /** Whether it is acknowledged only when it is on disk. */
  readonly isHard: boolean;
  /** Under which primary it was written. */
  readonly epoch: number;
}

/** One server's copy of one part of a table: how far it has come in some primary's log, and how much of that is on its disk. */
export class Copy {
  log: LogEntry[] = [];
  length = 0;
  durable = 0;
  documents = new Map<string | number, Document>();

  /** Takes over this log so far: what it had beyond it, or otherwise, is rolled back. */
  follow(log: LogEntry[], length: number): void {
    const isSame = log === this.log;
    if (isSame && length <= this.length) return;
    if (!isSame) {
      const known = commonLength(this.log, this.length, log, length);
      const isRolledBack = known < this.length;
      this.log = log;
      this.durable = Math.min(this.durable, known);
      this.length = isRolledBack ? 0 : known;
      if (isRolledBack) this.documents = new Map();
    }
    for (; this.length < length; this.length += 1) apply(this.documents, log[this.length] as LogEntry);
  }

  /** Whether it has anything to write to disk before it can acknowledge so much. */
  needsDisk(from: number, to: number): boolean {
    for (let i = from; i < to; i += 1) if (this.log[i]?.isHard) return true;
    return false;
  }

  /** What a server that was killed finds on its disk. */
  lose(): void {
    this.log = this.log.slice(0, this.durable);
    this.length = 0;
    this.documents = new Map();
    for (; this.length < this.log.length; this.length += 1) apply(this.documents, this.log[this.length] as LogEntry);
  }

  get lastEpoch(): number {
    return this.log[this.length - 1]?.epoch ?? 0;
  }
}

function apply(documents: Map<string | number, Document>, { key, document }: LogEntry): void {
  if (document === null) documents.delete(key);
  else if (document) documents.set(key, document);
}

function commonLength(one: readonly LogEntry[], oneLength: number, other: readonly LogEntry[], otherLength: number) {
  const max = Math.min(oneLength, otherLength);
  for (let i = 0; i < max; i += 1) if (one[i] !== other[i]) return i;
  return max;
}
