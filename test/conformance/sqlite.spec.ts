import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { describeEngine } from '../../lib/testing/conformance/index.js';

describeEngine(
  'sqlite',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'omniscient-'));
    const file = join(folder, 'events.db');
    return { newEngine: () => new SqliteEngine({ file }), dispose: () => rm(folder, { recursive: true }) };
  },
  { describe, it },
);
