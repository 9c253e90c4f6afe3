import type { EventRecord } from '../../../kernel/values/index.js';
import { type CommandRecord, textOf } from '../cluster/index.js';
import type { BuiltInInvariant } from './invariant.js';
import { metadataOf } from './metadata.js';

/**
 * Returns the key of the client's command that fired this event itself; nothing for events that only followed from it.
 */
function keyOf(record: EventRecord): string | undefined {
  const { correlationId, causationId } = metadataOf(record);
  return causationId === null ? correlationId : undefined;
}

/** If a command was acknowledged, the events that it fired are stored. */
export const ACKNOWLEDGED_IS_STORED: BuiltInInvariant = {
  name: 'acknowledged is stored',
  watch({ commands, world }, fail) {
    const stored = new Set<string>();
    return {
      stored({ records }) {
        for (const record of records) {
          const key = keyOf(record);
          if (key !== undefined) stored.add(key);
        }
      },
      told(record) {
        if (record.outcome !== 'acknowledged' || stored.has(record.key)) return;
        // Another command with the same idempotency key may have come first.
        if (record.command.startsWith('once(')) return;
        const runs = commands.runsOf(record);
        const [first] = runs;
        // A command that ran again may have found nothing to fire.
        if (!first || runs.some(({ fired }) => fired === 0)) return;
        const reruns = first.turn.request.reruns;
        if (runs.length < reruns + 1) return;
        fail(
          `${textOf(record)} was acknowledged, and nothing of it is stored`,
          ...streamsOf(world.store.streams, record),
        );
      },
    };
  },
};

/** Nothing of a failed command is ever stored, unless its error says that the outcome is unknown. */
export const REFUSED_IS_NOT_STORED: BuiltInInvariant = {
  name: 'refused is not stored',
  watch({ commands }, fail) {
    const stored = new Map<string, EventRecord>();
    const check = (command: CommandRecord | undefined) => {
      const event = command && stored.get(command.key);
      if (!event || command.outcome !== 'refused') return;
      // What `commit()` has stored stays stored.
      if (commands.runsOf(command).some(({ turn }) => turn.request.partlyCommitted)) return;
      const why = command.error instanceof Error ? command.error.message : String(command.error);
      const what = `'${event.name}' of it is stored (${event.streamId} ${event.version})`;
      fail(`${textOf(command)} failed with a definite error (${why}), but ${what}`, event.streamId);
    };
    return {
      stored({ records }) {
        for (const record of records) {
          const key = keyOf(record);
          if (key === undefined || !commands.all.has(key)) continue;
          stored.set(key, record);
          check(commands.all.get(key));
        }
      },
      told: check,
    };
  },
};

/** All events stored under one command id come from one run of the command. */
export const EFFECT_AT_MOST_ONCE: BuiltInInvariant = {
  name: 'a command has effect at most once',
  watch({ commands }, fail) {
    const firstOf = new Map<string, EventRecord>();
    const eventIds = new Set<string>();
    return {
      stored({ records }) {
        for (const record of records) {
          const { streamId, id, name, version } = record;
          if (eventIds.has(id)) fail(`event ${id} ('${name}') is stored twice: ${streamId} ${version}`, streamId);
          eventIds.add(id);
          const { commandId } = metadataOf(record);
          const key = `${streamId}\0${commandId}`;
          const first = firstOf.get(key);
          if (!first) {
            firstOf.set(key, record);
            continue;
          }
          const [turn, other] = [commands.minted.get(first.id)?.turn, commands.minted.get(id)?.turn];
          if (turn === other) continue;
          const [here, there] = [`${version} '${name}'`, `${first.version} '${first.name}'`];
          fail(`two runs of command ${commandId} are stored: ${streamId} ${there} and ${here}`, streamId);
        }
      },
    };
  },
};

/** Every command gets an answer once all faults have ended. */
export const EVERY_COMMAND_ENDS: BuiltInInvariant = {
  name: 'every command ends',
  watch({ commands, world }, fail) {
    return {
      end() {
        const [pending] = commands.pending;
        if (pending) fail(`${textOf(pending)} was never answered`, ...streamsOf(world.store.streams, pending));
      },
    };
  },
};

function streamsOf(streams: ReadonlyMap<string, unknown>, { id }: CommandRecord): string[] {
  return [...streams.keys()].filter((streamId) => streamId.endsWith(id));
}
