import { mustRunAgain, type OpenTurn } from '../../kernel/folding/optimistic-state.js';
import type { Commit } from '../commit/commit.js';
import type { Request } from '../commit/request.js';

/** Whether others' events changed what the turn that runs was decided on. */
export function isTouched(request: Request, { touched, doubted }: OpenTurn): boolean {
  return touched || (doubted && (request.isStale?.() ?? false));
}

/** Whether the turn that runs may not be stored as it was decided. */
export function isOvertaken(request: Request, open: OpenTurn): boolean {
  return isTouched(request, open) && mustDecideAgain(request, open.events.length);
}

/** A command that only read may be told an older truth, unless it asked to be decided on the newest. */
export function mustDecideAgain(commit: Pick<Commit, 'onConflict' | 'isStale'>, eventCount: number): boolean {
  return mustRunAgain(commit) || (commit.onConflict === 'reject' && eventCount > 0);
}
