import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { eventually } from '../support/eventually.js';
import { rest } from '../support/rest.js';

it('who stops receiving gets nothing after that, though more has come already', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'omniscient-mailbox-'));
  const file = join(folder, 'events.db');
  const [sender, receiver] = [new SqliteEngine({ file }), new SqliteEngine({ file })];
  await Promise.all([sender.open(), receiver.open()]);
  const delivered: number[] = [];
  const stop = await receiver.receive('node', (texts) => {
    delivered.push(texts.length);
    stop();
  });
  await sender.send(Array.from({ length: 2_500 }, (_, i) => ({ to: 'node', text: `${i}` })));
  await eventually(() => delivered.length > 0);
  await rest(100);
  expect(delivered).toHaveLength(1);
  await Promise.all([sender.close(), receiver.close()]);
  rmSync(folder, { recursive: true });
});
