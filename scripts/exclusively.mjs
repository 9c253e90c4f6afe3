import { mkdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often the holder of a lock shows that it is alive, and how often others look. */
const BEAT_MS = 1_000;
const LOOK_MS = 100;
/** A lock that shows no sign of life for so long is one of a process that died. */
const STALE_MS = 10_000;
/** Longest wait for a lock. */
const WAIT_MS_MAX = 180_000;

/**
 * Runs `work` while no other process on this machine runs its own under the same lock. The lock is a folder: making one succeeds for exactly one of those
 * who try. In the moment in which a dead holder's lock is taken away two may get in, so what they do has to bear that; the lock saves them work.
 */
export async function exclusively(lock, work) {
  await acquire(lock);
  const beat = setInterval(() => ignoringAbsence(() => utimesSync(lock, new Date(), new Date())), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    release(lock);
  }
}

/** For whoever has to go at once. */
export function release(lock) {
  rmSync(lock, { recursive: true, force: true });
}

async function acquire(lock) {
  const startedMs = performance.now();
  let [seen, seenMs] = ['', startedMs];
  for (;;) {
    if (isMade(lock)) return;
    const nowMs = performance.now();
    const sign = signOfLife(lock);
    // Compared with what was seen before, and not with this clock: the folder's times may be those of another one.
    if (sign !== seen) [seen, seenMs] = [sign, nowMs];
    else if (nowMs - seenMs > STALE_MS) takeAway(lock);
    if (nowMs - startedMs > WAIT_MS_MAX) {
      throw new Error(
        `'${lock}' has been held for ${WAIT_MS_MAX / 1_000} s. If no build is running any more, delete that folder.`,
      );
    }
    await sleep(LOOK_MS);
  }
}

function isMade(lock) {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function signOfLife(lock) {
  return ignoringAbsence(() => {
    const { ino, mtimeMs } = statSync(lock);
    return `${ino} ${mtimeMs}`;
  });
}

/** Renamed first, so that of several who find it dead one takes it away. */
function takeAway(lock) {
  const dead = `${lock}-dead-${process.pid}`;
  ignoringAbsence(() => renameSync(lock, dead));
  release(dead);
}

function ignoringAbsence(touch) {
  try {
    return touch();
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
