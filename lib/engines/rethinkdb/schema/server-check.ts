import { EngineError } from '../../../kernel/values/index.js';
import type { Connections, Reql, Term } from '../connections/index.js';

/**
 * Checks the servers before anything is stored on them, and warns about what makes them less safe.
 *
 * @returns the number of servers; 1 if this user may not know.
 * @throws EngineError (`SERVER_TOO_OLD`).
 */
export async function checkServers(
  r: Reql,
  connections: Connections,
  warn: (message: string) => void,
): Promise<number> {
  const system = r.db('rethinkdb');
  let servers: { name: string; process: { version: string } }[];
  try {
    const status = system.table('server_status').pluck('name', { process: 'version' }).coerceTo('array');
    servers = await connections.read(status);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'PERMISSION_DENIED') throw error;
    warn("RethinkDB: this user may not read the system tables, so the servers' versions and number are not checked");
    return 1;
  }
  for (const { name, process } of servers) assertVersion(name, process.version);
  if (servers.length >= SERVERS_MIN) await checkHeartbeat(system, connections, warn);
  else {
    const count = `${servers.length} server${servers.length === 1 ? '' : 's'}`;
    warn(`RethinkDB: the cluster has ${count}: with fewer than ${SERVERS_MIN} nothing can be stored while one is down`);
  }
  return servers.length;
}

/** The oldest server version that works. */
const VERSION_MIN = [2, 4] as const;
/** With fewer servers than this, the cluster does not survive a failure. */
const SERVERS_MIN = 3;
/**
 * The longest `heartbeat_timeout_secs` that is accepted without a warning. After this time, RethinkDB itself replaces a
 * dead server. Its default is 10. Seconds.
 */
const HEARTBEAT_TIMEOUT_SECS_MAX = 3;

/** @throws EngineError (`SERVER_TOO_OLD`). */
export function assertVersion(server: string, version: string): void {
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  if (major > VERSION_MIN[0] || (major === VERSION_MIN[0] && minor >= VERSION_MIN[1])) return;
  throw new EngineError(
    'SERVER_TOO_OLD',
    `RethinkDB: server '${server}' is ${version}, but ${VERSION_MIN.join('.')} is the oldest version that works: update it`,
  );
}

async function checkHeartbeat(system: Term, connections: Connections, warn: (message: string) => void): Promise<void> {
  const config = system.table('cluster_config').get('heartbeat').default(null);
  const found = await connections.read<{ heartbeat_timeout_secs?: number } | null>(config);
  const seconds = found?.heartbeat_timeout_secs ?? 10;
  if (seconds <= HEARTBEAT_TIMEOUT_SECS_MAX) return;
  warn(
    `RethinkDB: heartbeat_timeout_secs is ${seconds}: for that long nothing is stored when a server dies. Set it to ` +
      `${HEARTBEAT_TIMEOUT_SECS_MAX} or less: r.db('rethinkdb').table('cluster_config').get('heartbeat').update({ heartbeat_timeout_secs: 2 })`,
  );
}
