import type { ActorClass } from '../declaring/actor.js';
import { type ActorOptions, marksOf } from '../declaring/marks.js';
import { RegistrationError } from '../values/errors.js';

/**
 * Source text of what a method does: as it is called today, and as it was decorated, which may be inside of that. A decorator that wraps a method (for
 * tracing or logging) shows the same text whatever it has wrapped.
 */
export function meaningOf(method: unknown, decorated: unknown): string {
  const text = String(method);
  return decorated === undefined || decorated === method ? text : `${text} of ${String(decorated)}`;
}

/**
 * Refuses handlers that were wrapped before they were decorated: nobody can see then whether their code has changed, and a snapshot of what they did in
 * an earlier release would be taken for what they do today. Who names a `revision`, or makes no snapshots, has seen to that.
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
  // Compiled to functions (ES5), methods look like any other function.
  if (!String(actorClass).startsWith('class')) return;
  for (const { method, decorated } of prototypes.flatMap((prototype) => marksOf(prototype).handlers)) {
    if (decorated === undefined || looksDeclared(String(decorated), method)) continue;
    throw new RegistrationError(
      'HANDLER_HIDDEN',
      `${actor}.${method} was wrapped by another decorator before @EventHandler() saw it, so that a snapshot would outlive a change of its code: ` +
        `write @EventHandler() directly above the method, below the other decorator; or give @Actor({ revision }), and change that with the code`,
    );
  }
}

/** Whether this is the text of a method that a class declares by this name: `paid(…) {`, `async paid(…) {`, `'paid'(…) {`. */
function looksDeclared(text: string, method: string): boolean {
  const declared = text.replace(/^(?:async\s+)?\*?\s*/, '');
  if (/^['"]/.test(declared)) return true;
  return declared.startsWith(method) && /^\s*[(/]/.test(declared.slice(method.length));
}
