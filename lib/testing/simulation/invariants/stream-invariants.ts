import {
  HEARD_EVENT,
  type HeardData,
  heardIn,
  IN_CODE,
  LEADER_EVENT,
  type Leadership,
  PARKED_EVENT,
} from '../../../kernel/framework/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import type { BuiltInInvariant } from './invariant.js';
import { metadataOf } from './metadata.js';

/** Once another node leads, the old leader stores nothing more. Only candidates' `$leader` events are allowed. */
export const OLD_LEADER_IS_FENCED: BuiltInInvariant = {
  name: 'an old leader stores nothing',
  watch({ definitions }, fail) {
    const leaders = new Map<string, Leadership>();
    return {
      stored({ streamId, records }) {
        for (const record of records) {
          const { name, data, version } = record;
          const leader = leaders.get(streamId);
          if (name === LEADER_EVENT) {
            const next = JSON.parse(data) as Leadership;
            if (next.term !== (leader?.term ?? 0) + 1) {
              fail(`${streamId} ${version}: term ${next.term} comes after ${leader?.term ?? 0}`, streamId);
            }
            leaders.set(streamId, next);
          } else if (!name.startsWith('$')) {
            const { actor, firedBy } = metadataOf(record);
            if (definitions.get(actor)?.kind !== 'one' || firedBy.nodeId === leader?.nodeId) continue;
            const leading = leader?.nodeId ?? 'nobody';
            fail(`${streamId} ${version}: '${name}' was fired by ${firedBy.nodeId}, and ${leading} leads`, streamId);
          }
        }
      },
    };
  },
};

/** Each reaction is stored once: up to where a listener has heard a source only grows. */
export const REACTIONS_ONCE: BuiltInInvariant = {
  name: 'each reaction is stored once',
  watch(_watched, fail) {
    const heardTo = new Map<string, number>();
    return {
      stored({ streamId, records }) {
        for (const record of records) {
          const note = noteIn(record);
          // A listener given to `listenTo` may begin anew, on purpose.
          if (!note || note.listener.startsWith(IN_CODE)) continue;
          const { version } = record;
          const { actor, listener, source, at } = note;
          const key = JSON.stringify([streamId, actor, listener, source]);
          const before = heardTo.get(key) ?? 0;
          if (at <= before) {
            const where = `${streamId} ${version}: ${actor}.${listener}`;
            fail(`${where} has heard '${source}' to ${before}, and heard ${at} again`, streamId);
          }
          heardTo.set(key, at);
        }
      },
    };
  },
};

/** Returns what an event says about a reaction, by itself or in its metadata. */
function noteIn(record: EventRecord): HeardData | undefined {
  const { actor } = metadataOf(record);
  const heard = heardIn(record.metadata, actor);
  if (heard) return { actor, ...heard };
  if (record.name !== HEARD_EVENT && record.name !== PARKED_EVENT) return undefined;
  const { adopted, ...note } = JSON.parse(record.data) as HeardData & { adopted?: boolean };
  return adopted ? undefined : note;
}
