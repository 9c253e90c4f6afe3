import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { SqliteEngine } from 'omniscient-nest/sqlite';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-schedules-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('schedules of a file from before they said since when they stand are kept, and go when their actors do not tick', async () => {
  const file = join(folder, 'events.db');
  const first = new SqliteEngine({ file });
  await first.open();
  await first.close();
  const raw = new Database(file);
  raw.exec('ALTER TABLE schedules DROP COLUMN since');
  raw.exec("INSERT INTO schedules (stream_id, actor, id, owner) VALUES ('clock-1', 'Clock', '1', 'n1')");
  raw.pragma('user_version = 3');
  raw.close();

  const engine = new SqliteEngine({ file });
  await engine.open();
  try {
    const kept = { streamId: 'clock-1', actor: 'Clock', id: '1', owner: 'n1', since: 0 };
    expect(await engine.schedulesOf('n1', 10)).toEqual([kept]);
    expect(await engine.addSchedules([{ ...kept, owner: 'n2', since: 4 }])).toEqual([{ ...kept, since: 4 }]);
    await engine.removeSchedules([{ ...kept, since: 3 }]);
    expect(await engine.scheduleOwners()).toEqual(['n1']);
    await engine.removeSchedules([{ ...kept, since: 4 }]);
    expect(await engine.scheduleOwners()).toEqual([]);
  } finally {
    await engine.close();
  }
});
