import type { EventRecord } from '../../../kernel/event.js';
import {
  FrameworkState,
  LEADER_EVENT,
  type Leadership,
  TICK_EVENT,
  TICKING_EVENT,
  type Tick,
} from '../../../kernel/framework-events.js';
import { HEARD_EVENT, type HeardData, IN_CODE, PARKED_EVENT } from '../../../kernel/hearing.js';
import type { BuiltInInvariant } from './invariant.js';
import { metadataOf } from './metadata.js';

/** What led before stores nothing any more once another leads: only `$leader` events of candidates. */
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

/** Each reaction is stored once: what a listener has heard of a source only grows. */
export const REACTIONS_ONCE: BuiltInInvariant = {
  name: 'each reaction is stored once',
  watch(_watched, fail) {
    const heardTo = new Map<string, number>();
    return {
      stored({ streamId, records }) {
        for (const { name, data, version } of records) {
          if (name !== HEARD_EVENT && name !== PARKED_EVENT) continue;
          const { actor, listener, source, at, adopted } = JSON.parse(data) as HeardData & { adopted?: boolean };
          // From code it may begin anew, on purpose.
          if (adopted || listener.startsWith(IN_CODE)) continue;
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

/** How early a tick may be: timers count whole milliseconds. */
const EARLY_MS_MAX = 1.5;

interface LastTick {
  readonly record: EventRecord;
  readonly everyMs: number;
}

/** Each tick is there once, in order, and never sooner than `everyMs` after the one before, in true time. */
export const TICKS_IN_TIME: BuiltInInvariant = {
  name: 'ticks come once, and never early',
  watch({ commands, definitions, world }, fail) {
    const states = new Map<string, { framework: FrameworkState; last: LastTick | undefined }>();
    const stateOf = (streamId: string, actor: string) => {
      const key = JSON.stringify([streamId, actor]);
      const state = states.get(key) ?? { framework: new FrameworkState(actor), last: undefined };
      states.set(key, state);
      return state;
    };
    const check = (record: EventRecord, actor: string) => {
      const { streamId, version } = record;
      const state = stateOf(streamId, actor);
      const before = state.framework.ticking;
      if (record.name === TICK_EVENT) {
        const { n } = JSON.parse(record.data) as Tick;
        if (n !== (before?.n ?? 0) + 1) fail(`${streamId} ${version}: tick ${n} after ${before?.n}`, streamId);
        const [from, to] = [state.last, record].map((each) => each && mintedOf('record' in each ? each.record : each));
        if (from && to && state.last && isMeasured(from.process, to.process)) {
          const apartMs = to.atMs - from.atMs;
          if (apartMs < state.last.everyMs - EARLY_MS_MAX) {
            fail(`${streamId} ${version}: tick ${n} came ${apartMs.toFixed(1)} ms after what was before it`, streamId);
          }
        }
      }
      state.framework.applyAll([record]);
      const { ticking } = state.framework;
      if (record.name === TICK_EVENT || ticking !== before) {
        state.last = ticking && { record, everyMs: ticking.everyMs };
      }
    };
    const mintedOf = ({ id }: EventRecord) => commands.minted.get(id);
    // Another process goes by the clocks, which nobody may have set meanwhile.
    const isMeasured = (one: string, other: string) => one === other || !haveClocksChanged();
    const haveClocksChanged = () => world.faults.counts.has('clock-stepped') || world.faults.counts.has('clocks-apart');
    return {
      stored({ records }) {
        for (const record of records) {
          if (record.name !== TICK_EVENT && record.name !== TICKING_EVENT) continue;
          const { actor } = metadataOf(record);
          if (definitions.get(actor)?.kind === 'tick') check(record, actor);
        }
      },
      end() {
        for (const [key, { framework, last }] of states) {
          const [streamId, actor] = JSON.parse(key) as [string, string];
          if (!framework.ticking || !last) continue;
          const sinceMs = world.time.nowMs - (mintedOf(last.record)?.atMs ?? 0);
          const promisedMs = 2 * last.everyMs + TICK_LATE_MS_MAX;
          if (sinceMs > promisedMs) {
            fail(
              `${actor} '${streamId}' ticks every ${last.everyMs} ms, and has not for ${Math.round(sinceMs)} ms`,
              streamId,
            );
          }
        }
      },
    };
  },
};

/** How late a tick may be while nothing goes wrong. Milliseconds. */
const TICK_LATE_MS_MAX = 1_000;
