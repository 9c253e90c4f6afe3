import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type LogEntry, LogFileError, readLog } from '../../bench/real-log/log-file.js';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'omniscient-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A small log like the real one: applications that interleave and end in every way. */
function smallLog(applications: number): string[] {
  const steps = ['A_SUBMITTED', 'A_PREACCEPTED', 'W_Completeren aanvraag', 'O_CREATED', 'O_SENT'];
  const ends = ['A_APPROVED', 'A_DECLINED', 'A_CANCELLED', 'W_Valideren aanvraag'];
  const lines: string[] = [];
  for (const [i, step] of [...steps, 'end'].entries()) {
    for (let n = 0; n < applications; n += 1) {
      const activity = step === 'end' ? ends[n % ends.length] : step;
      const trace = i === 0 ? { trace: { AMOUNT_REQ: '5000', REG_DATE: '2011-10-01T00:38:44.546+02:00' } } : {};
      lines.push(
        JSON.stringify({
          case: `c${n}`,
          activity,
          at: '2011-10-01T00:38:44.546+02:00',
          lifecycle: 'COMPLETE',
          ...trace,
        }),
      );
    }
  }
  return lines;
}

function fileOf(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

async function readUntilError(file: string): Promise<{ entries: LogEntry[]; error: unknown }> {
  const entries: LogEntry[] = [];
  try {
    for await (const entry of readLog(file)) entries.push(entry);
  } catch (error) {
    return { entries, error };
  }
  return { entries, error: undefined };
}

describe('the real-log benchmark', () => {
  const lines = smallLog(40);
  const whole = `${lines.join('\n')}\n`;

  it.each(['plain.jsonl', 'packed.jsonl.gz'])('plays %s, checks it, and again after a cold restart', async (name) => {
    const file = fileOf(name, name.endsWith('.gz') ? gzipSync(whole) : whole);
    const { stdout, stderr } = await run(process.execPath, ['.build/bench/main.js', 'real-log', file]);
    const figures = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(figures).toMatchObject([
      { bench: 'real-log', n: lines.length, applications: 40 },
      { bench: 'real-log-restart', n: lines.length, applications: 40 },
    ]);
    for (const when of ['played', 'restarted cold']) {
      expect(stderr).toContain(
        `${when}: 240 events of 40 applications (10 approved, 10 declined, 10 cancelled, 10 open); all totals agree`,
      );
    }
  });

  it.each([
    ['no JSON', 'this is not JSON'],
    ['no case', '{"activity":"A_SUBMITTED","at":"2011-10-01T00:38:44.546+02:00"}'],
    ['another activity', '{"case":"c","activity":"X_MAS","at":"2011-10-01T00:38:44.546+02:00"}'],
    ['no time', '{"case":"c","activity":"A_SUBMITTED","at":"yesterday"}'],
    ['not an object', 'null'],
    ['an empty line', ''],
  ])('a line that is wrong is named, and everything before it was given: %s', async (_, wrong) => {
    const file = fileOf('wrong.jsonl', [...lines.slice(0, 100), wrong, ...lines.slice(100)].join('\n'));
    const { entries, error } = await readUntilError(file);
    expect(entries).toHaveLength(100);
    expect(error).toBeInstanceOf(LogFileError);
    expect((error as Error).message).toContain('line 101');
  });

  it('a file that was cut names the line where it ends', async () => {
    const packed = gzipSync(whole);
    const { entries, error } = await readUntilError(fileOf('cut.jsonl.gz', packed.subarray(0, packed.length - 60)));
    expect(error).toBeInstanceOf(LogFileError);
    expect((error as Error).message).toContain(`line ${entries.length + 1}`);
    const cut = await readUntilError(fileOf('cut.jsonl', whole.slice(0, -20)));
    expect(cut.entries).toHaveLength(lines.length - 1);
    expect((cut.error as Error).message).toContain(`line ${lines.length}`);
  });

  it('says so when the file is not there, is no gzip, is empty, or was not named', async () => {
    for (const file of [join(folder, 'none.jsonl'), fileOf('no.gz', whole), fileOf('empty.jsonl', '')]) {
      const { entries, error } = await readUntilError(file);
      expect(entries).toEqual([]);
      expect((error as Error).message).toContain(file);
    }
    const failed = run(process.execPath, ['.build/bench/main.js', 'real-log']);
    await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('FILE.jsonl') });
  });

  it('stores everything before a wrong line', async () => {
    const file = fileOf('half.jsonl', [...lines.slice(0, 100), 'oops'].join('\n'));
    const failed = run(process.execPath, ['.build/bench/main.js', 'real-log', file]);
    await expect(failed).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\(100\)\n.*line 101/),
    });
  });
});
