import { listenerKey } from '../../kernel/framework/ended-sources.js';
import { type HeardSource, IN_CODE, type ListeningState } from '../../kernel/framework/listening-state.js';
import type { Log } from '../parts/settings.js';
import type { ActorListening } from './actor-listening.js';

/** Tells of what an actor listens to in code, by what is stored, while its `onActivate` has set nothing that hears it. */
export function warnOfMissingHandlers(
  label: string,
  listeningState: ListeningState,
  listening: Pick<ActorListening, 'isSet'> | undefined,
  { log, nowMs }: { readonly log: Log; readonly nowMs: number },
): void {
  const missing = [...listeningState.sources.values()].filter((heard) => {
    return goesOn(heard, nowMs) && !listening?.isSet(listenerKey(heard.listener, heard.source));
  });
  if (missing.length === 0) return;
  const named = missing.slice(0, NAMED_MAX).map(({ listener, source }) => {
    return `'${listener.slice(IN_CODE.length)}'${source === '' ? '' : ` on stream '${source}'`}`;
  });
  const more = missing.length > named.length ? ` and ${missing.length - named.length} more` : '';
  log.warn(
    `${label}: this activation does not hear what listenTo began in a command before it: ${named.join(', ')}${more}. Whoever ran that command hears ` +
      'it while it lives; call listenTo in onActivate for what shall outlive that, or stop() it',
  );
}

/** Most of them that one line in the log names. */
const NAMED_MAX = 10;

/** Whether it began in code and has not ended since. */
function goesOn({ listener, sinceMs, count, limits }: HeardSource, nowMs: number): boolean {
  if (!listener.startsWith(IN_CODE) || sinceMs === undefined) return false;
  if (limits?.count !== undefined && count >= limits.count) return false;
  return limits?.forMs === undefined || nowMs < sinceMs + limits.forMs;
}
