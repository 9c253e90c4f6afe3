import { streamPages } from '../../engine/reading/paging.js';
import type { CommandDefinition, CommandMethod } from '../../kernel/defining/actor-definition.js';
import { ANSWERED_EVENT, PARTLY_EVENT } from '../../kernel/framework/framework-events.js';
import { unwrap } from '../../kernel/state/state-tree.js';
import { CommitTimeoutError, OmniscientError } from '../../kernel/values/errors.js';
import type { EventRecord, NewEvent } from '../../kernel/values/event.js';
import { assertJson } from '../../kernel/values/plain-data.js';
import { whenThere } from '../../kernel/values/thenable.js';
import { isError, isInstance, messageOf } from '../../kernel/values/thrown.js';
import type { RemoteCall } from '../cluster/remote-call.js';
import { encodeArguments } from '../cluster/remote-calls.js';
import type { RequestCause } from '../events/cause.js';
import type { RuntimeParts } from '../parts/settings.js';
import type { RoleOwner } from './role-owner.js';

/** A command as it is sent to whoever leads. @throws PayloadError when an argument cannot travel. */
export function newCall(
  { definition, id, version, label }: RoleOwner,
  command: CommandDefinition,
  args: readonly unknown[],
  cause: RequestCause,
): RemoteCall {
  const check = (value: unknown, place: number) =>
    assertJson(unwrap(value), `argument ${place + 1} of '${command.name}' (${label})`);
  return {
    ...cause,
    actor: definition.name,
    id,
    command: command.name,
    args: encodeArguments(args, check),
    since: version,
    again: false,
  };
}

/** A command's method whose answer is checked (it may have to travel) and, inside the turn, handed to `record`. */
export function answering(method: CommandMethod, what: string, record: (answer: unknown) => void): CommandMethod {
  const finish = (answer: unknown): unknown => {
    const plain = unwrap(answer);
    if (plain !== undefined) assertJson(plain, what);
    record(plain);
    return plain;
  };
  return function (...args) {
    return whenThere(method.apply(this, args as unknown[]), finish);
  };
}

/**
 * Looks for what a command has stored that was sent before, to a leader that never answered. Nothing means that it was not stored, and never
 * will be: whoever looks leads by now, so the old leader's appends fail, and no leader of another term takes the old message.
 *
 * @throws EngineError when it cannot be read.
 */
export async function findAnswer(
  parts: StoreParts,
  at: { readonly label: string; readonly streamId: string; readonly version: number },
  call: RemoteCall,
): Promise<{ answer: unknown } | { error: unknown } | undefined> {
  return answerIn(at.label, call, await eventsOf(parts, at, call));
}

/** What a command answered, by the events that it fired; nothing if it fired none. */
export function answerIn(
  label: string,
  { command, commandId }: Pick<RemoteCall, 'command' | 'commandId'>,
  own: readonly NewEvent[],
): { answer: unknown } | { error: unknown } | undefined {
  if (own.length === 0) return undefined;
  const answered = own.find(({ name }) => name === ANSWERED_EVENT);
  const { answer, isLost } = answered ? (JSON.parse(answered.data) as { answer?: unknown; isLost?: boolean }) : {};
  if (isLost) {
    const message =
      `${label}: '${command}' is stored already (commandId ${commandId}), was given again by a command that runs again, and what it ` +
      'answered is not plain data, which alone can be given again: let it answer with plain data, or with nothing';
    return { error: new OmniscientError('ANSWER_LOST', message) };
  }
  if (answered || !own.some(({ name }) => name === PARTLY_EVENT)) return { answer };
  const message =
    `${label}: '${command}' was stored in part when its run ended, and is not run again: look at the stream to learn what was ` +
    `stored (commandId ${commandId})`;
  return { error: new OmniscientError('COMMAND_INTERRUPTED', message) };
}

/** Where it is looked for. */
type StoreParts = Pick<RuntimeParts, 'engine' | 'environment'>;

/** What a command has stored after that version. @throws EngineError. */
export async function eventsOf(
  { engine, environment }: StoreParts,
  { streamId, version }: { streamId: string; version: number },
  { commandId, since }: Pick<RemoteCall, 'commandId' | 'since'>,
): Promise<EventRecord[]> {
  const own: EventRecord[] = [];
  if (since >= version) return own;
  for await (const page of streamPages(engine, environment, streamId, since)) {
    for (const event of page) {
      // Most events are others': their metadata need not be parsed.
      if (event.metadata.includes(commandId) && commandOf(event) === commandId) own.push(event);
    }
    if ((page.at(-1)?.version ?? 0) >= version) break;
  }
  return own;
}

function commandOf(event: EventRecord): string {
  return (JSON.parse(event.metadata) as { commandId: string }).commandId;
}

/** What a caller is told whose leader does not know the command. */
export function unknownCommand(label: string, command: string, nodeId: string): OmniscientError {
  const message = `${label}: the leader, node ${nodeId}, has no command '${command}': do all nodes run the same version?`;
  return new OmniscientError('UNKNOWN_COMMAND', message);
}

/** What a caller is told whose command was not even begun here; the time-out of something else that had to be stored first says nothing about it. */
export function notRun(label: string, call: RemoteCall, why: string, error: unknown): unknown {
  if (!isInstance(error, CommitTimeoutError)) return beforeLookingUp(label, call, error);
  const { cause } = error;
  const ended = call.again ? `${SENT_BEFORE} (${idOf(call)})` : 'nothing of it was run: give it again';
  const last = isError(cause) ? ` (the last try failed: ${messageOf(cause)})` : '';
  const message = `${label}: '${call.command}' was given up, for ${why} in time (commitTimeoutMs)${last}; ${ended}`;
  return new OmniscientError('NO_LEADER', message, { cause, retryable: !call.again });
}

/** What a caller is told who found nobody to run it. */
export function noLeader(label: string, call: RemoteCall, tries: number): OmniscientError {
  const ended = call.again ? `${SENT_BEFORE} (${idOf(call)})` : 'nothing of it was run: give it again';
  const message = `${label}: no leader would run '${call.command}' after ${tries} tries; ${ended}`;
  return new OmniscientError('NO_LEADER', message, { retryable: !call.again });
}

/**
 * What a caller is told when something failed before its command was run here. If it was sent to an earlier leader and has not been looked for yet, that
 * failure says nothing of what became of it.
 */
export function beforeLookingUp(label: string, call: RemoteCall, error: unknown): unknown {
  if (!call.again) return error;
  const why = messageOf(error);
  const message = `${label}: it is not known what became of '${call.command}': ${SENT_BEFORE} (${idOf(call)}); now this failed: ${why}`;
  return new OmniscientError('OUTCOME_UNKNOWN', message, { cause: error });
}

const SENT_BEFORE =
  'it was sent to an earlier leader, which gave no answer: look at the stream to learn whether it was stored';

function idOf({ commandId }: RemoteCall): string {
  return `commandId ${commandId}`;
}
