import { type EventMetadata, type EventRecord, messageOf } from '../../kernel/values/index.js';
import { compareExactly, firstDifference, lineDiff, sentenceOf } from '../comparing/index.js';
import { type LoadedSubject, onAnotherDay, type World } from '../world/index.js';
import { StepFailure } from './plan.js';
import { firstParting, replayedStates } from './replayed-state.js';

/**
 * Checks that every actor loaded so far would be the same if it were loaded again, on another day, from its stored
 * events alone.
 *
 * @param after the step before the check, for failures.
 * @throws StepFailure that names the handler if it gives another result each time.
 */
export async function assertReplayable(world: World, after: string): Promise<void> {
  for (const loaded of world.loaded.values()) {
    const { state, version } = loaded.ref.confirmed;
    // More may have been stored meanwhile. What is not yet in the state proves nothing against it.
    const events = (await world.events(loaded.streamId)).slice(0, version);
    if (loaded.definition.kind !== 'actor' || !hasMissed(loaded, events))
      check(world, loaded, { state, events }, after);
  }
}

/** A state, and the events that it should result from. */
interface Confirmed {
  readonly state: object;
  readonly events: readonly EventRecord[];
}

function check(world: World, loaded: LoadedSubject, { state, events }: Confirmed, after: string): void {
  const { definition, id, streamId } = loaded;
  const replay = () => replayedStates({ definition, id, streamId, events, newActor: () => world.newActor(definition) });
  const replayed = orFailure(`${after}\nBut ${definition.name}`, () => onAnotherDay(world.clock, replay));
  const comparison = compareExactly(state, replayed.at(-1));
  const difference = firstDifference(comparison, `${definition.name}'s state`);
  if (!difference) return;

  const parting = firstParting(replayed, replay());
  const culprit = culpritOf(parting, events);
  throw new StepFailure(
    `${after}\nBut the stored events, loaded again, give another state: ${sentenceOf(difference, true)}`,
    {
      detail: `${culprit}\n\n- live\n+ loaded again\n\n${lineDiff(comparison)}`,
      expected: state,
      actual: replayed.at(-1),
    },
  );
}

function culpritOf(parting: number, events: readonly EventRecord[]): string {
  const rule = 'no time, no randomness, no injected parts, no fields of the instance.';
  if (parting === 0) return `initialState() gives another result each time. It may use only the id: ${rule}`;
  const name = events[parting - 1]?.name;
  const who =
    name === undefined
      ? 'Some handler uses what is not in the events.'
      : `The handler of '${name}' gives another result each time.`;
  return `${who} A handler may use only the event and the state: ${rule}`;
}

/**
 * A plain `Actor` does not see what others store on its stream while it is loaded. So its state is not that of all
 * events.
 */
function hasMissed({ definition, loadedVersion }: LoadedSubject, events: readonly EventRecord[]): boolean {
  return events
    .slice(loadedVersion)
    .some(({ metadata }) => (JSON.parse(metadata) as EventMetadata).actor !== definition.name);
}

function orFailure<T>(who: string, replay: () => T): T {
  try {
    return replay();
  } catch (error) {
    throw new StepFailure(`${who} could not be loaded again from the stored events: ${messageOf(error)}`, {
      actual: error,
      cause: error,
    });
  }
}
