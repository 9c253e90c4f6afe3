import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Takes the place of the system's sync calls: they fail for as long as the file is there that `FAILING_SYNC` names. */
const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int failing(void) { const char *flag = getenv("FAILING_SYNC"); return flag && access(flag, F_OK) == 0; }
static int call(const char *name, int fd) { return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd); }
int fsync(int fd) { if (failing()) { errno = EIO; return -1; } return call("fsync", fd); }
int fdatasync(int fd) { if (failing()) { errno = EIO; return -1; } return call("fdatasync", fd); }
`;

/** What a process has to be given so that its syncs fail on demand; `undefined` where that can't be made (no compiler, not Linux). */
export function failingSync(): { env: NodeJS.ProcessEnv; remove: () => void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'omniscient-sync-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const library = join(folder, 'failing-sync.so');
  try {
    if (process.platform !== 'linux') throw new Error('LD_PRELOAD is of Linux');
    writeFileSync(join(folder, 'failing-sync.c'), SOURCE);
    const args = ['-shared', '-fPIC', '-o', library, join(folder, 'failing-sync.c'), '-ldl'];
    execFileSync('cc', args, { stdio: 'ignore' });
  } catch {
    remove();
    return undefined;
  }
  return { env: { ...process.env, LD_PRELOAD: library, FAILING_SYNC: join(folder, 'flag') }, remove };
}

const probe = spawnSync('cc', ['--version'], { stdio: 'ignore' });

/** Whether syncs can be made to fail here. */
export const canFailSync = process.platform === 'linux' && probe.status === 0;
