import { FrameworkState, TICK_EVENT, TICKING_EVENT, type Tick } from '../../../kernel/framework/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import type { BuiltInInvariant, Watched } from './invariant.js';
import { metadataOf } from './metadata.js';

/** How early a tick may be, because timers count whole milliseconds. Milliseconds. */
const EARLY_MS_MAX = 1.5;
/** How late a tick may be while there are no faults. Milliseconds. */
const TICK_LATE_MS_MAX = 1_000;

/** How far one actor has ticked, according to what is stored. */
interface TickingNow {
  readonly framework: FrameworkState;
  /** The last tick, or the event that started the ticking. */
  last: EventRecord | undefined;
}

/** Each tick is stored once, in order, and never sooner than `everyMs` after the one before, in true time. */
export const TICKS_IN_TIME: BuiltInInvariant = {
  name: 'ticks come once, and never early',
  watch(watched, fail) {
    const { commands, world } = watched;
    // Another process goes by the clocks, which a fault may have changed meanwhile.
    const haveClocksChanged = () => ['clock-stepped', 'clocks-apart'].some((name) => world.faults.counts.has(name));
    return watchTicks(watched, (record, { framework, last }) => {
      const { ticking } = framework;
      const { streamId, version } = record;
      const { n } = JSON.parse(record.data) as Tick;
      if (n !== (ticking?.n ?? 0) + 1) fail(`${streamId} ${version}: tick ${n} after ${ticking?.n}`, streamId);
      const [from, to] = [last && commands.minted.get(last.id), commands.minted.get(record.id)];
      if (!from || !to || !ticking || (from.process !== to.process && haveClocksChanged())) return;
      const apartMs = to.atMs - from.atMs;
      if (apartMs >= ticking.everyMs - EARLY_MS_MAX) return;
      const early = `tick ${n} came ${apartMs.toFixed(1)} ms after what was before it, of ${ticking.everyMs}`;
      fail(`${streamId} ${version}: ${early}`, streamId);
    });
  },
};

/** An actor that ticks goes on ticking by itself. */
export const SOMEBODY_TICKS: BuiltInInvariant = {
  name: 'somebody ticks',
  watch(watched, fail) {
    const { commands, world } = watched;
    const states = new Map<string, TickingNow>();
    return {
      ...watchTicks(watched, () => {}, states),
      end() {
        for (const [key, { framework, last }] of states) {
          const [streamId, actor] = JSON.parse(key) as [string, string];
          if (!framework.ticking || !last) continue;
          const { everyMs } = framework.ticking;
          const sinceMs = world.time.nowMs - (commands.minted.get(last.id)?.atMs ?? 0);
          if (sinceMs <= 2 * everyMs + TICK_LATE_MS_MAX) continue;
          fail(`${actor} '${streamId}' ticks every ${everyMs} ms, and has not for ${Math.round(sinceMs)} ms`, streamId);
        }
      },
    };
  },
};

/** @param ticked called with each tick, before it is applied. */
function watchTicks(
  { definitions }: Watched,
  ticked: (record: EventRecord, now: TickingNow) => void,
  states: Map<string, TickingNow> = new Map(),
): { stored(commit: { readonly records: readonly EventRecord[] }): void } {
  const take = (record: EventRecord, actor: string) => {
    const key = JSON.stringify([record.streamId, actor]);
    const now = states.get(key) ?? { framework: new FrameworkState(actor), last: undefined };
    states.set(key, now);
    const before = now.framework.ticking;
    if (record.name === TICK_EVENT) ticked(record, now);
    now.framework.applyAll([record]);
    if (record.name === TICK_EVENT || now.framework.ticking !== before) now.last = record;
  };
  return {
    stored({ records }) {
      for (const record of records) {
        if (record.name !== TICK_EVENT && record.name !== TICKING_EVENT) continue;
        const { actor } = metadataOf(record);
        if (definitions.get(actor)?.kind === 'tick') take(record, actor);
      }
    },
  };
}
