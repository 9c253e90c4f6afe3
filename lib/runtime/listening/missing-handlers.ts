import { type HeardSource, IN_CODE, type ListeningState, listenerKey } from '../../kernel/framework/index.js';
import type { Log } from '../parts/index.js';
import type { ActorListening } from './actor-listening.js';

/** Warns of listeners that the stream records but that this activation's `onActivate` did not start. */
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
    `${label}: listenTo() was called in a command of an earlier activation, so these listeners do not run here: ${named.join(', ')}${more}. They run only ` +
      'while that activation lives: call listenTo() in onActivate for listeners that must survive it, or stop() them',
  );
}

/** How many of them one log line names. */
const NAMED_MAX = 10;

/** Whether code started it and it has not ended since. */
function goesOn({ listener, sinceMs, count, limits }: HeardSource, nowMs: number): boolean {
  if (!listener.startsWith(IN_CODE) || sinceMs === undefined) return false;
  if (limits?.count !== undefined && count >= limits.count) return false;
  return limits?.forMs === undefined || nowMs < sinceMs + limits.forMs;
}
