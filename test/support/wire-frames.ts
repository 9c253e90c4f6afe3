/*
 * RethinkDB's wire protocol, as far as a test needs it: after the handshake, every query and every answer is a token of
 * 8 bytes, a length of 4 bytes (little endian), and JSON.
 */

const HEADER_BYTES = 12;
const TOKEN_BYTES = 8;

/** Terms that change something: UPDATE, DELETE, REPLACE, INSERT. */
const WRITE_TERMS: readonly unknown[] = [53, 54, 55, 56];

/** What each side says before the first frame: bytes without end mark, then texts that end with a zero. */
const HANDSHAKES = { toServer: { bytes: 4, texts: 2 }, toClient: { bytes: 0, texts: 3 } } as const;

export type Direction = keyof typeof HANDSHAKES;

export interface FrameListener {
  /** A frame begins, at this place of the chunk (below 0: in an earlier one); returns whether to keep its content. */
  begins(token: string, at: number): boolean;
  /** A frame that was to be kept is complete. */
  completed?(token: string, content: string): void;
}

/** Finds the frames in what one side sends, however TCP has cut it up: the driver sends each header in two writes. */
export class FrameReader {
  readonly #listener: FrameListener;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #bytesToSkip: number;
  #textsToSkip: number;
  #headerFilled = 0;
  #contentLeft = 0;
  #content: Buffer[] | undefined;

  constructor(direction: Direction, listener: FrameListener) {
    this.#listener = listener;
    this.#bytesToSkip = HANDSHAKES[direction].bytes;
    this.#textsToSkip = HANDSHAKES[direction].texts;
  }

  read(chunk: Buffer): void {
    let at = this.#skipHandshake(chunk);
    while (at < chunk.length) {
      const inHeader = this.#headerFilled < HEADER_BYTES;
      at = inHeader ? this.#readHeader(chunk, at) : this.#readContent(chunk, at);
      if (this.#headerFilled === HEADER_BYTES && this.#contentLeft === 0) this.#complete();
    }
  }

  #skipHandshake(chunk: Buffer): number {
    let at = Math.min(this.#bytesToSkip, chunk.length);
    this.#bytesToSkip -= at;
    while (this.#textsToSkip > 0 && at < chunk.length) {
      const end = chunk.indexOf(0, at);
      if (end < 0) return chunk.length;
      this.#textsToSkip -= 1;
      at = end + 1;
    }
    return at;
  }

  #readHeader(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#header, this.#headerFilled, at);
    this.#headerFilled += copied;
    const next = at + copied;
    if (this.#headerFilled === HEADER_BYTES) {
      this.#contentLeft = this.#header.readUInt32LE(TOKEN_BYTES);
      this.#content = this.#listener.begins(this.#token(), next - HEADER_BYTES) ? [] : undefined;
    }
    return next;
  }

  #readContent(chunk: Buffer, at: number): number {
    const part = chunk.subarray(at, at + this.#contentLeft);
    this.#content?.push(part);
    this.#contentLeft -= part.length;
    return at + part.length;
  }

  #complete(): void {
    this.#headerFilled = 0;
    if (this.#content) this.#listener.completed?.(this.#token(), Buffer.concat(this.#content).toString());
  }

  #token(): string {
    return this.#header.toString('hex', 0, TOKEN_BYTES);
  }
}

/** Whether this query is new, and not about one that runs already. */
export function isStart(query: string): boolean {
  return query.startsWith('[1,');
}

/** Whether a query, in JSON, inserts, updates, replaces or deletes documents. */
export function isWrite(query: string): boolean {
  return isStart(query) && hasWriteTerm((JSON.parse(query) as unknown[])[1]);
}

/** A term is an array: its number, its arguments, its options. Everything else is data, that may hold terms. */
function hasWriteTerm(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (!Array.isArray(value)) return Object.values(value).some(hasWriteTerm);
  const [type, args = [], options = {}] = value as [number, unknown[]?, object?];
  return WRITE_TERMS.includes(type) || args.some(hasWriteTerm) || hasWriteTerm(options);
}
