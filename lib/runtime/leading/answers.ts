import { streamPages } from '../../engine/reading/index.js';
import type { CommandDefinition, CommandMethod } from '../../kernel/defining/index.js';
import { ANSWERED_EVENT, PARTLY_EVENT } from '../../kernel/framework/index.js';
import { unwrap } from '../../kernel/state/index.js';
import {
  assertJson,
  CommitTimeoutError,
  type EventRecord,
  isError,
  isInstance,
  messageOf,
  type NewEvent,
  OmniscientError,
  whenThere,
} from '../../kernel/values/index.js';
import { encodeArguments, type RemoteCall } from '../cluster/index.js';
import type { RequestCause } from '../events/index.js';
import type { RuntimeParts } from '../parts/index.js';
import type { RoleOwner } from './role-owner.js';

/** A command in the form in which it is sent to the leader. @throws PayloadError when an argument cannot be sent. */
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

/**
 * Wraps a command's method. Its answer is checked, because it may be sent to another node, and handed to `record`
 * inside the turn.
 */
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
 * Looks up what a command has stored that was sent before, to a leader that never answered. If nothing is found, it was
 * not stored and never will be: this node leads by now, so the old leader's appends fail, and no leader of another term
 * takes the old message.
 *
 * @throws EngineError when the stream cannot be read.
 */
export async function findAnswer(
  parts: StoreParts,
  at: { readonly label: string; readonly streamId: string; readonly version: number },
  call: RemoteCall,
): Promise<{ answer: unknown } | { error: unknown } | undefined> {
  return answerIn(at.label, call, await eventsOf(parts, at, call));
}

/** The answer of a command, from the events that it stored; `undefined` if it stored none. */
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
      `${label}: '${command}' is stored already (commandId ${commandId}) and was called again by a command that ran again, but what it ` +
      'returned is not plain data, so the answer could not be stored: return plain data, or nothing';
    return { error: new OmniscientError('ANSWER_LOST', message) };
  }
  if (answered || !own.some(({ name }) => name === PARTLY_EVENT)) return { answer };
  const message =
    `${label}: '${command}' stored a part of its events before it was interrupted, and cannot run again: look at the stream to learn what was ` +
    `stored (commandId ${commandId})`;
  return { error: new OmniscientError('COMMAND_INTERRUPTED', message) };
}

/** Where to look it up. */
type StoreParts = Pick<RuntimeParts, 'engine' | 'environment'>;

/** The events that a command has stored after that version. @throws EngineError. */
export async function eventsOf(
  { engine, environment }: StoreParts,
  { streamId, version }: { streamId: string; version: number },
  { commandId, since }: Pick<RemoteCall, 'commandId' | 'since'>,
): Promise<EventRecord[]> {
  const own: EventRecord[] = [];
  if (since >= version) return own;
  for await (const page of streamPages(engine, environment, streamId, since)) {
    for (const event of page) {
      // Most events belong to other commands; their metadata need not be parsed.
      if (event.metadata.includes(commandId) && commandOf(event) === commandId) own.push(event);
    }
    if ((page.at(-1)?.version ?? 0) >= version) break;
  }
  return own;
}

function commandOf(event: EventRecord): string {
  return (JSON.parse(event.metadata) as { commandId: string }).commandId;
}

/** The error when the leader does not know the command. */
export function unknownCommand(label: string, command: string, nodeId: string): OmniscientError {
  const message = `${label}: the leader, node ${nodeId}, has no command '${command}': do all nodes run the same version?`;
  return new OmniscientError('UNKNOWN_COMMAND', message);
}

/**
 * The error of a command that was not even begun here. A time-out of something else that had to be stored first says
 * nothing about the command.
 */
export function notRun(label: string, call: RemoteCall, why: string, error: unknown): unknown {
  if (!isInstance(error, CommitTimeoutError)) return beforeLookingUp(label, call, error);
  const { cause } = error;
  const ended = call.again ? `${SENT_BEFORE} (${idOf(call)})` : 'it was not run: give it again';
  const last = isError(cause) ? ` (the last try failed: ${messageOf(cause)})` : '';
  const message = `${label}: '${call.command}' was given up, because ${why} in time (commitTimeoutMs)${last}; ${ended}`;
  return new OmniscientError('NO_LEADER', message, { cause, retryable: !call.again });
}

/** The error when no node would run the command. */
export function noLeader(label: string, call: RemoteCall, tries: number): OmniscientError {
  const ended = call.again ? `${SENT_BEFORE} (${idOf(call)})` : 'it was not run: give it again';
  const message = `${label}: no node accepted '${call.command}' as its leader in ${tries} tries; ${ended}`;
  return new OmniscientError('NO_LEADER', message, { retryable: !call.again });
}

/**
 * The error when something failed before the command ran here. If the command was sent to an earlier leader and has not
 * been looked up yet, that failure says nothing about its outcome.
 */
export function beforeLookingUp(label: string, call: RemoteCall, error: unknown): unknown {
  if (!call.again) return error;
  const why = messageOf(error);
  const message = `${label}: the outcome of '${call.command}' is unknown: ${SENT_BEFORE} (${idOf(call)}). Then this failed: ${why}`;
  return new OmniscientError('OUTCOME_UNKNOWN', message, { cause: error });
}

const SENT_BEFORE =
  'it was sent to an earlier leader, which gave no answer: look at the stream to learn whether it was stored';

function idOf({ commandId }: RemoteCall): string {
  return `commandId ${commandId}`;
}
