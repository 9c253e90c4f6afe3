/** The command's name as users know it. */
export function commandNameOf(name: string): string {
  return isOnce(name) ? name.slice(ONCE.length) : name;
}

/** The names of the commands that run a listener. */
export const REACTIONS: ReadonlySet<string> = new Set(['$react', '$react-reapply', '$react-reject', '$retry']);

export function isOnce(name: string): boolean {
  return name.startsWith(ONCE);
}

/** Whether users supply the arguments. Names of the framework's own commands begin with `$`. */
export function isUsers(name: string): boolean {
  return !name.startsWith('$') || isOnce(name);
}

/** The prefix of commands that are given with an idempotency key. The command's own name follows. */
export const ONCE = '$once ';
