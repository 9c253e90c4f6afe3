import type { ActorOptions, MethodMarks } from '../declaring/index.js';
import { eventNameFault, nameFault, RegistrationError, shownText } from '../values/index.js';

/** The allowed range of a numeric option. */
export interface NumberRule {
  readonly least: number;
  readonly most: number;
  readonly isWhole: boolean;
}

/** The longest name of an actor, a projection, an election or a node, and the longest prefix, in UTF-16 code units. */
export const NAME_LENGTH_MAX = 200;

/** The longest delay of a Node timer, in milliseconds. Node treats longer ones as 1. */
const TIMER_MS_MAX = 2_147_483_647;

/** A count; `Infinity` for no limit. */
export const COUNT: NumberRule = { least: 1, most: Number.POSITIVE_INFINITY, isWhole: true };
export const COUNT_OR_NONE: NumberRule = { ...COUNT, least: 0 };
/** A time that is only compared, in milliseconds; `Infinity` for never. */
export const TIME: NumberRule = { least: 1, most: Number.POSITIVE_INFINITY, isWhole: false };
/** A time that a timer waits for, in milliseconds. */
export const TIMER: NumberRule = { ...TIME, most: TIMER_MS_MAX };
export const TIMER_OR_NONE: NumberRule = { ...TIMER, least: 0 };

/**
 * Checks a numeric option. @throws RegistrationError (`INVALID_OPTION`) that names the owner, the allowed range and the
 * value.
 */
export function assertNumber(whose: string, option: string, value: unknown, rule: NumberRule): void {
  const { least, most, isWhole } = rule;
  const fits = typeof value === 'number' && value >= least && value <= most;
  if (fits && (!isWhole || Number.isInteger(value) || value === Number.POSITIVE_INFINITY)) return;
  const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}, or Infinity` : `from ${least} to ${most}`;
  throw refused(whose, option, `a ${isWhole ? 'whole ' : ''}number ${range}`, value);
}

/**
 * Checks the options of `@Actor()`; its schemas are checked elsewhere. @throws RegistrationError (`INVALID_OPTION`).
 */
export function assertActorOptions(actor: string, options: ActorOptions): void {
  const whose = `${actor}: @Actor()`;
  const { name, prefix, revision, snapshotEvery, passivateAfterMs, ignores } = options;
  if (name !== undefined) assertName(whose, 'name', name);
  if (prefix !== undefined && prefix !== '') assertName(whose, 'prefix', prefix);
  if (revision !== undefined && typeof revision !== 'string' && !Number.isFinite(revision))
    throw refused(whose, 'revision', 'a finite number or a string', revision);
  if (snapshotEvery !== undefined) assertNumber(whose, 'snapshotEvery', snapshotEvery, COUNT_OR_NONE);
  if (passivateAfterMs !== undefined) assertNumber(whose, 'passivateAfterMs', passivateAfterMs, TIME);
  if (ignores !== undefined && !(Array.isArray(ignores) && ignores.every((name) => eventNameFault(name) === undefined)))
    throw refused(whose, 'ignores', 'a list of event names', ignores);
}

/** Checks a name that is stored. @throws RegistrationError (`INVALID_OPTION`). */
export function assertName(whose: string, option: string, name: unknown): void {
  const fault = nameFault(name, NAME_LENGTH_MAX);
  if (fault === undefined) return;
  if (typeof name !== 'string') throw refused(whose, option, 'a string', name);
  throw new RegistrationError(
    'INVALID_OPTION',
    `${whose}: the option '${option}' takes a string, but ${shownText(name)} ${fault}`,
  );
}

/**
 * Checks the options of `@Command()`; the schemas are checked elsewhere. @throws RegistrationError (`INVALID_OPTION`).
 */
export function assertCommandOptions(actor: string, mark: MethodMarks['commands'][number]): void {
  const whose = `${actor}.${mark.method}: @Command()`;
  const { onConflict, schemas } = mark;
  if (!POLICIES.has(onConflict)) throw refused(whose, 'onConflict', "'reapply', 'rerun' or 'reject'", onConflict);
  if (schemas !== undefined && !Array.isArray(schemas)) throw refused(whose, 'args', 'a list of schemas', schemas);
}

const POLICIES: ReadonlySet<string> = new Set(['reapply', 'rerun', 'reject']);

function refused(whose: string, option: string, takes: string, got: unknown): RegistrationError {
  return new RegistrationError(
    'INVALID_OPTION',
    `${whose}: the option '${option}' takes ${takes}, but got ${shown(got)}`,
  );
}

/** A value as it would be written in code, shortened. An object is only called one. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 60)}'`;
  if (Array.isArray(value)) return `[${value.slice(0, 5).map(shown).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
