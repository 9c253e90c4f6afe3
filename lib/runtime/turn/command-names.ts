/** What a user calls it. */
export function commandNameOf(name: string): string {
  return isOnce(name) ? name.slice(ONCE.length) : name;
}

/** Names of the commands that run a listener. */
export const REACTIONS: ReadonlySet<string> = new Set(['$react', '$react-reapply', '$react-reject', '$retry']);

export function isOnce(name: string): boolean {
  return name.startsWith(ONCE);
}

/** Whether users give it its arguments; names of the framework's own commands begin with `$`. */
export function isUsers(name: string): boolean {
  return !name.startsWith('$') || isOnce(name);
}

/** Names of commands that are given with an idempotency key begin with this; the command's own follows. */
export const ONCE = '$once ';
