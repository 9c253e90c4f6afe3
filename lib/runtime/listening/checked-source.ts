import type { ListenHandler, ListenSource, ListenToOptions } from '../../kernel/declaring/index.js';
import { isOnConflict } from '../../kernel/defining/index.js';
import { ALL_STREAMS, IN_CODE, listenerKey } from '../../kernel/framework/index.js';
import { checkedStreamId, eventNameFault, OmniscientError, shownText } from '../../kernel/values/index.js';

/** Checks the arguments of `listenTo`. @throws OmniscientError (`INVALID_LISTENER`), InvalidIdError. */
export function checkedSource(label: string, source: ListenSource, handler: ListenHandler, options: ListenToOptions) {
  const isStream = typeof source === 'string';
  const events = isStream ? undefined : [source?.event ?? []].flat();
  if (!isStream && !events?.length)
    throw invalid(label, `a stream's id or { event: 'name' } as its first argument, but got ${JSON.stringify(source)}`);
  for (const event of events ?? []) {
    const fault = eventNameFault(event);
    if (fault !== undefined) throw invalid(label, `names of events, but ${shownText(event)} ${fault}`);
  }
  if (typeof handler !== 'function') throw invalid(label, 'a function as its second argument');
  const { count, forMs, from, onConflict } = options;
  if (count !== undefined && !(Number.isSafeInteger(count) && count > 0)) throw invalid(label, `a 'count' from 1 on`);
  if (forMs !== undefined && !(Number.isFinite(forMs) && forMs > 0))
    throw invalid(label, `'forMs' in milliseconds, above 0`);
  if (from !== undefined && !(Number.isSafeInteger(from) && from >= 0)) throw invalid(label, `'from' from 0 on`);
  if (onConflict !== undefined && !isOnConflict(onConflict))
    throw invalid(label, `'onConflict' as 'reapply', 'rerun' or 'reject'`);
  const name = `${IN_CODE}${options.name ?? (handler.name || (events ?? []).join())}`;
  const streamId = isStream ? checkedStreamId(source) : ALL_STREAMS;
  return { name, streamId, events, key: listenerKey(name, streamId) };
}

function invalid(label: string, wanted: string): OmniscientError {
  return new OmniscientError('INVALID_LISTENER', `${label}: listenTo takes ${wanted}`);
}
