import type { ActorBase } from '../declaring/index.js';
import {
  assertJson,
  asyncSchema,
  disown,
  type EventInfo,
  messageOf,
  OmniscientError,
  SchemaError,
  type SchemaIssue,
  type StandardSchema,
  textOfSchema,
  validate,
} from '../values/index.js';
import { fitting } from './schemas.js';

/**
 * Converts a class's old events into today's form when they are read. An event is old by its shape: the schema of an
 * upcast accepts it. The upcasts of a name are tried in order, each on the result of the one before. If an upcast
 * changes the name, those of the new name follow. What is stored never changes.
 */
export class Upcasts {
  readonly #actor: string;
  readonly #steps: ReadonlyMap<string, readonly UpcastStep[]>;
  /** Names of events that need no upcast. */
  readonly #known: ReadonlySet<string>;
  readonly #schemas: ReadonlyMap<string, StandardSchema>;

  /** @param known names of events that the class handles or has a schema for. */
  constructor(
    actor: string,
    steps: ReadonlyMap<string, readonly UpcastStep[]>,
    known: ReadonlySet<string>,
    schemas: ReadonlyMap<string, StandardSchema>,
  ) {
    this.#actor = actor;
    this.#steps = steps;
    this.#known = known;
    this.#schemas = schemas;
  }

  /** The names under which old events are stored. */
  get names(): Iterable<string> {
    return this.#steps.keys();
  }

  /** All stored names whose events may have one of these names today. */
  leadingTo(today: Iterable<string>): Set<string> {
    const names = new Set(today);
    for (let before = -1; before !== names.size; ) {
      before = names.size;
      for (const [event, steps] of this.#steps) if (steps.some(({ to }) => names.has(to))) names.add(event);
    }
    return names;
  }

  has(event: string): boolean {
    return this.#steps.has(event);
  }

  /** The source text of everything that gives old events their meaning. */
  get meaning(): string[] {
    const texts: string[] = [];
    for (const steps of this.#steps.values()) {
      for (const { event, to, from, source } of steps) {
        texts.push(`${event} -> ${to}: ${from ? textOfSchema(from) : ''} ${source}`);
        const schema = this.#schemas.get(to);
        if (schema) texts.push(`${to}: ${textOfSchema(schema)}`);
      }
    }
    return texts;
  }

  /**
   * The event in today's form. An event that is not old is returned unchanged.
   *
   * @throws OmniscientError (`UPCAST_FAILED`).
   */
  apply(event: string, payload: unknown, info: EventInfo): Today {
    let now: Today = { name: event, data: payload };
    let steps = this.#steps.get(event) ?? [];
    let issues: readonly SchemaIssue[] = [];
    let upcast = false;
    for (let next = 0; next < steps.length; ) {
      const step = steps[next] as UpcastStep;
      next += 1;
      const old = this.#accepted(step, now.data);
      if ('issues' in old) {
        issues = old.issues;
        continue;
      }
      upcast = true;
      const renamed = step.to !== now.name;
      now = { name: step.to, data: this.#run(step, old.value, info) };
      if (!renamed) continue;
      steps = this.#steps.get(step.to) ?? [];
      next = 0;
    }
    if (upcast) return this.#fitting(event, now);
    if (this.#isToday(event)) return now;
    throw failed(`${this.#actor}: no @Upcast of '${event}' accepts`, new SchemaError(this.#whose(event), issues));
  }

  /**
   * Refuses a newly fired event that would be taken for an old one when it is read.
   *
   * @throws OmniscientError (`LOOKS_OLD`).
   */
  assertNotOld(event: string, text: string): void {
    for (const step of this.#steps.get(event) ?? []) {
      if ('issues' in this.#accepted(step, JSON.parse(text))) continue;
      const fix =
        step.to === event
          ? "let that schema refuse today's payload (keys that it does not know: z.strictObject, v.strictObject, '+': 'reject'), or give today's event another name"
          : `fire '${step.to}'`;
      throw new OmniscientError(
        'LOOKS_OLD',
        `${this.#actor} fires '${event}' with a payload that ${step.label} takes for an old one and would upcast: ${fix}`,
      );
    }
  }

  /** Whether events of this name may need no upcast: the name is handled, or only some of its shapes are old. */
  #isToday(event: string): boolean {
    return this.#known.has(event) || (this.#steps.get(event) ?? []).some(({ to }) => to === event);
  }

  #accepted({ event, from }: UpcastStep, data: unknown): ReturnType<typeof validate> & object {
    if (!from) return { value: data };
    const result = validate(from, data);
    if (!result) throw asyncSchema(this.#whose(event));
    return result;
  }

  #run({ method, label, event }: UpcastStep, data: unknown, info: EventInfo): unknown {
    try {
      const given = method(data, info);
      // A promise is refused below.
      disown(given);
      // It is a copy, so that no handler can change what the next one gets.
      return JSON.parse(assertJson(given, 'what it returns'));
    } catch (cause) {
      throw failed(`${label}, which upcasts '${event}', failed`, cause);
    }
  }

  /** Checks an upcast event against the schema of what may be fired today. */
  #fitting(event: string, { name, data }: Today): Today {
    const schema = this.#schemas.get(name);
    if (!schema) return { name, data };
    try {
      return { name, data: JSON.parse(assertJson(fitting(schema, data, this.#whose(name)), `'${name}'`)) };
    } catch (cause) {
      throw failed(`${this.#actor}: the old event '${event}' did not become a '${name}' of today`, cause);
    }
  }

  #whose(event: string): { actor: string; event: string } {
    return { actor: this.#actor, event };
  }
}

/** One `@Upcast` of a class, ready to run. */
export interface UpcastStep {
  /** The stored name. */
  readonly event: string;
  /** Today's name. */
  readonly to: string;
  /** Accepts old payloads. If it is missing, every payload is old. */
  readonly from: StandardSchema | undefined;
  /** For errors, as in `User.fromV1`. */
  readonly label: string;
  readonly method: (data: unknown, info: EventInfo) => unknown;
  /** Its source text. */
  readonly source: string;
}

/** An event handler of a class. */
type Handler = (this: ActorBase<object, object>, data: unknown, info: EventInfo) => unknown;

/** An event in today's form. */
interface Today {
  readonly name: string;
  readonly data: unknown;
}

/**
 * Wraps handlers so that they get old events in today's form. Handlers of names without an upcast are not wrapped and
 * cost nothing extra.
 */
export function upcasting(handlers: ReadonlyMap<string, Handler>, upcasts: Upcasts): ReadonlyMap<string, Handler> {
  const all = new Map(handlers);
  for (const stored of upcasts.names) {
    all.set(stored, function (this, payload, info) {
      const { name, data } = upcasts.apply(stored, payload, info);
      return handlers.get(name)?.call(this, data, name === stored ? info : renamed(info, name));
    });
  }
  return all;
}

function renamed(info: EventInfo, name: string): EventInfo {
  const { id, streamId } = info;
  return {
    id,
    streamId,
    name,
    get metadata() {
      return info.metadata;
    },
  };
}

function failed(what: string, cause: unknown): OmniscientError {
  return new OmniscientError('UPCAST_FAILED', `${what}: ${messageOf(cause)}`, {
    cause,
  });
}
