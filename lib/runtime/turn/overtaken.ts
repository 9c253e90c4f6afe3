import { mustRunAgain, type OpenTurn } from '../../kernel/folding/index.js';
import type { Commit, Request } from '../commit/index.js';

/** Whether others' events changed the state on which the running turn decided. */
export function isTouched(request: Request, { touched, doubted }: OpenTurn): boolean {
  return touched || (doubted && (request.isStale?.() ?? false));
}

/** Whether the running turn may not be stored as it decided. */
export function isOvertaken(request: Request, open: OpenTurn): boolean {
  return isTouched(request, open) && mustDecideAgain(request, open.events.length);
}

/**
 * Whether a command must decide again. A command that only read may return an older state, unless it asked for the
 * newest.
 */
export function mustDecideAgain(commit: Pick<Commit, 'onConflict' | 'isStale'>, eventCount: number): boolean {
  return mustRunAgain(commit) || (commit.onConflict === 'reject' && eventCount > 0);
}
