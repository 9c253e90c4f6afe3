import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system in memory, with these mount options; `undefined` if this user may not mount one. */
export function mounted(options: string): { path: string; unmount: () => void } | undefined {
  const path = mkdtempSync(join(tmpdir(), 'omniscient-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    rmSync(path, { recursive: true });
    return undefined;
  }
  const unmount = () => {
    execFileSync('umount', ['-l', path]);
    rmSync(path, { recursive: true });
  };
  return { path, unmount };
}

const probe = mounted('size=1m');
probe?.unmount();

/** Whether this user may mount file systems. */
export const canMount = probe !== undefined;
