import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';

/** One line of the log. */
export interface LogEntry {
  readonly line: number;
  readonly case: string;
  readonly activity: string;
  readonly lifecycle?: string;
  readonly at: string;
  readonly resource?: string;
  readonly trace?: { readonly AMOUNT_REQ: string; readonly REG_DATE: string };
}

/** The file is not what it should be; everything before `line` was given out. */
export class LogFileError extends Error {
  constructor(file: string, line: number, what: string, cause?: unknown) {
    super(`${file}, line ${line}: ${what}. Everything before that line is stored.`, { cause });
    this.name = 'LogFileError';
  }
}

/**
 * The entries of a log, in order; `.gz` files are unpacked on the way.
 *
 * @throws LogFileError at a line that is no entry, or where the file ends too early.
 */
export async function* readLog(file: string): AsyncGenerator<LogEntry, void, undefined> {
  const lines = linesOf(file);
  for (let line = 1; ; line += 1) {
    let next: IteratorResult<string, void>;
    try {
      next = await lines.next();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new LogFileError(file, line, `the file cannot be read on (${why})`, cause);
    }
    if (next.done && line === 1) throw new LogFileError(file, line, 'the file is empty');
    if (next.done) return;
    yield parse(file, line, next.value);
  }
}

async function* linesOf(file: string): AsyncGenerator<string, void, undefined> {
  const bytes = createReadStream(file);
  const unpacked = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  bytes.once('error', (error: Error) => unpacked.destroy(error));
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of unpacked) {
    const lines = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

function parse(file: string, line: number, content: string): LogEntry {
  let entry: unknown;
  try {
    entry = JSON.parse(content);
  } catch (cause) {
    throw new LogFileError(file, line, `this is no whole JSON object: ${content.slice(0, 80)}`, cause);
  }
  const fields = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
  for (const field of ['case', 'activity', 'at']) {
    const text = fields[field];
    if (typeof text !== 'string' || text === '')
      throw new LogFileError(file, line, `the field '${field}' is missing or no text`);
  }
  const { activity, at } = fields as { activity: string; at: string };
  if (!/^[AOW]_/.test(activity)) {
    throw new LogFileError(
      file,
      line,
      `'${activity}' is no activity of an application (A_), offer (O_) or work item (W_)`,
    );
  }
  if (Number.isNaN(Date.parse(at))) throw new LogFileError(file, line, `'${at}' is no time`);
  return { ...fields, line } as unknown as LogEntry;
}
