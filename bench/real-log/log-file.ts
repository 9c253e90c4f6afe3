import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
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
  const bytes = createReadStream(file);
  const text = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  // What breaks the file below has to reach whoever reads the lines above.
  let broken: unknown;
  const lines = createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY });
  for (const stream of new Set([bytes, text])) {
    stream.once('error', (error: unknown) => {
      broken = error;
      lines.close();
    });
  }
  let line = 0;
  for await (const content of lines) {
    line += 1;
    yield parse(file, line, content, () => broken);
  }
  if (broken) throw new LogFileError(file, line + 1, `the file cannot be read on (${messageOf(broken)})`, broken);
  if (line === 0) throw new LogFileError(file, 1, 'the file is empty');
}

function parse(file: string, line: number, content: string, broken: () => unknown): LogEntry {
  let entry: unknown;
  try {
    entry = JSON.parse(content);
  } catch (cause) {
    const error = broken();
    if (error) throw new LogFileError(file, line, `the file ends in the middle of it (${messageOf(error)})`, error);
    throw new LogFileError(file, line, `this is no JSON: ${content.slice(0, 80)}`, cause);
  }
  const fields = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
  for (const field of ['case', 'activity', 'at']) {
    if (typeof fields[field] !== 'string' || fields[field] === '')
      throw new LogFileError(file, line, `the field '${field}' is missing or no text`);
  }
  if (!/^[AOW]_/.test(fields.activity as string))
    throw new LogFileError(
      file,
      line,
      `'${String(fields.activity)}' is no activity of an application (A_), offer (O_) or work item (W_)`,
    );
  if (Number.isNaN(Date.parse(fields.at as string)))
    throw new LogFileError(file, line, `'${String(fields.at)}' is no time`);
  return { ...fields, line } as unknown as LogEntry;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
