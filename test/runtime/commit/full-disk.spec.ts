import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { CommitTimeoutError } from 'omniscient-nest';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { firstValueFrom } from 'rxjs';
import { Counter } from '../../support/actors.js';
import { eventually } from '../../support/eventually.js';
import { canMount, mounted } from '../../support/mount.js';
import { startNode } from '../../support/runtime.js';

const withMount = canMount ? it : it.skip;
if (!canMount) console.warn('NOT TESTED: an actor on a full disk, because this user may not mount a file system');

withMount('an actor on a full disk says so, keeps what was fired, and stores it when there is room again', async () => {
  const disk = mounted('size=2m');
  if (!disk) throw new Error('the mount worked a moment ago');
  try {
    const engine = new SqliteEngine({ file: join(disk.path, 'events.db') });
    const { actors, node } = await startNode(Counter, { engine, commitTimeoutMs: 2_000, snapshotEvery: 0 });
    const counter = await actors.get('a');
    await counter.add(1);
    const ballast = join(disk.path, 'ballast');
    writeFileSync(ballast, Buffer.alloc(600_000));
    let stored = 1;
    let error: unknown;
    while (!error && stored < 400) {
      error = await counter.note('x'.repeat(20_000)).then(
        () => void (stored += 1),
        (reason: unknown) => reason,
      );
    }
    expect(error).toBeInstanceOf(CommitTimeoutError);
    expect(error).toMatchObject({ code: 'COMMIT_TIMEOUT', cause: { code: 'DISK_FULL', retryable: true } });
    expect((error as Error).message).toContain('make room');
    expect(counter.version).toBe(stored);
    expect(counter.pending).toBe(1);
    // Reading works as before.
    await eventually(async () => (await node.health()).engine.failure?.code === 'DISK_FULL');
    rmSync(ballast);
    // It is tried again by itself, after a wait that has grown meanwhile.
    await firstValueFrom(actors.events$('a', { after: stored }));
    await counter.add(1);
    expect(counter.pending).toBe(0);
    expect(counter.version).toBe(stored + 2);
    expect(counter.state).toMatchObject({ count: 2 });
    expect(counter.state.log).toHaveLength(stored);
    await eventually(async () => (await node.health()).engine.failure === undefined);
    await node.stop();
  } finally {
    disk.unmount();
  }
});
