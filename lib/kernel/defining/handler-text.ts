import { type ActorClass, type ActorOptions, marksOf } from '../declaring/index.js';
import { RegistrationError } from '../values/index.js';

/**
 * The source text of a method: as it is called today, and as it was decorated, which may be the inner part of that. A
 * decorator that wraps methods (for tracing or logging) shows the same text for every method.
 */
export function meaningOf(method: unknown, decorated: unknown): string {
  const text = String(method);
  return decorated === undefined || decorated === method ? text : `${text} of ${String(decorated)}`;
}

/**
 * Refuses handlers that were wrapped before they were decorated. Nobody could see whether their code has changed, so a
 * snapshot made by an earlier release would be used as if it were made by today's code. A class with a `revision`, or
 * without snapshots, is not affected.
 *
 * @throws RegistrationError (`HANDLER_HIDDEN`).
 */
export function assertShown(
  actorClass: ActorClass,
  actor: string,
  { revision, snapshotEvery }: ActorOptions,
  prototypes: readonly object[],
): void {
  if (revision !== undefined || snapshotEvery === 0) return;
  // When classes are compiled to functions (ES5), methods look like any other function.
  if (!String(actorClass).startsWith('class')) return;
  for (const { method, decorated } of prototypes.flatMap((prototype) => marksOf(prototype).handlers)) {
    if (decorated === undefined || looksDeclared(String(decorated), method)) continue;
    throw new RegistrationError(
      'HANDLER_HIDDEN',
      `${actor}.${method} was wrapped by another decorator before @EventHandler() saw it, so a change of its code would not invalidate snapshots: ` +
        'write @EventHandler() directly above the method, below the other decorator; or give @Actor({ revision }), and change the ' +
        'revision whenever the code changes',
    );
  }
}

/**
 * Whether this is the text of a method that a class declares under this name: `paid(…) {`, `async paid(…) {`,
 * `'paid'(…) {`.
 */
function looksDeclared(text: string, method: string): boolean {
  const declared = text.replace(/^(?:async\s+)?\*?\s*/, '');
  if (/^['"]/.test(declared)) return true;
  return declared.startsWith(method) && /^\s*[(/]/.test(declared.slice(method.length));
}
