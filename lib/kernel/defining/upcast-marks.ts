import type { ActorClass } from '../declaring/index.js';
import { eventNameFault, RegistrationError, type StandardSchema, shownText } from '../values/index.js';
import { meaningOf } from './handler-text.js';
import { assertSchema } from './schemas.js';
import type { UpcastStep } from './upcasts.js';

/** What one `@Upcast` recorded. `defineActor` reads it once. */
export interface UpcastMark {
  readonly event: string;
  readonly to: string;
  readonly from: StandardSchema | undefined;
  readonly method: string;
  /** The method as it was when it was decorated. */
  readonly decorated: unknown;
}

const marks = new WeakMap<object, UpcastMark[]>();

/** @param host the class of a static method, the prototype of another. */
export function markUpcast(host: object, mark: UpcastMark): void {
  marks.set(host, [...(marks.get(host) ?? []), mark]);
}

/**
 * The upcasts of a class by stored name, in the order in which they are tried: first those of the actors that it
 * extends, then its own as written. If a subclass declares an upcast again, that replaces the first.
 *
 * @throws RegistrationError that names the method and the fix.
 */
export function upcastStepsOf(
  actorClass: ActorClass,
  name: string,
  prototypes: readonly object[],
  handled: ReadonlyMap<string, unknown>,
): ReadonlyMap<string, readonly UpcastStep[]> {
  const steps = new Map<string, UpcastStep[]>();
  for (const { isStatic, ...mark } of allMarks(prototypes, name)) {
    const label = `${name}.${mark.method}`;
    check(mark, label);
    if (mark.to !== mark.event && mark.from === undefined && handled.has(mark.event)) {
      throw wrong(`${name} handles '${mark.event}' and upcasts every such event to '${mark.to}': remove the handler`);
    }
    const host = (isStatic ? actorClass : actorClass.prototype) as unknown as Record<string, UpcastStep['method']>;
    const method = host[mark.method] as UpcastStep['method'];
    // It is bound to an object without state, so that an upcast may call others of its class and sees nothing but its
    // event.
    const step = { ...mark, label, method: method.bind(host), source: meaningOf(method, mark.decorated) };
    steps.set(mark.event, [...(steps.get(mark.event) ?? []), step]);
  }
  for (const event of steps.keys()) assertNoCircle(event, steps, name);
  return steps;
}

type FoundMark = UpcastMark & { readonly isStatic: boolean };

function allMarks(prototypes: readonly object[], name: string): FoundMark[] {
  const all: FoundMark[] = [];
  for (const prototype of prototypes) {
    const inherited = [...all];
    const own = marksOf(prototype);
    for (const mark of own) {
      assertOrdered(mark, own, name);
      const again = inherited.findIndex(
        ({ event, method, isStatic }) => event === mark.event && method === mark.method && isStatic === mark.isStatic,
      );
      if (again === -1) all.push(mark);
      else all[again] = mark;
    }
  }
  return all;
}

function marksOf(prototype: object): FoundMark[] {
  const ofMethods = (marks.get(prototype) ?? []).map((mark) => ({ ...mark, isStatic: false }));
  const ofStatics = (marks.get(prototype.constructor) ?? []).map((mark) => ({ ...mark, isStatic: true }));
  return [...ofMethods, ...ofStatics];
}

/**
 * Refuses a mix of static and other methods for one event: decorators of static methods all run last, wherever they are
 * written.
 */
function assertOrdered({ event, isStatic }: FoundMark, own: readonly FoundMark[], name: string): void {
  if (own.every((other) => other.event !== event || other.isStatic === isStatic)) return;
  throw wrong(
    `${name} upcasts '${event}' in a static method and in another, so their order is unknown: make all of them static`,
  );
}

function check({ event, to, from }: UpcastMark, label: string): void {
  for (const name of [event, to]) {
    const fault = eventNameFault(name);
    if (fault === undefined) continue;
    throw new RegistrationError(
      'INVALID_EVENT_NAME',
      `${label} upcasts an event whose name ${shownText(name)} ${fault}`,
    );
  }
  if (from === undefined && to !== event) return;
  assertSchema(from, `${label}: the schema that says which '${event}' are old`);
}

function assertNoCircle(event: string, steps: ReadonlyMap<string, readonly UpcastStep[]>, actor: string): void {
  const chains: string[][] = [[event]];
  for (let chain = chains.pop(); chain; chain = chains.pop()) {
    const last = chain.at(-1) as string;
    for (const { to } of steps.get(last) ?? []) {
      if (to === last) continue;
      if (chain.includes(to)) {
        throw wrong(
          `${actor} upcasts events in a circle of names: ${[...chain, to].map((name) => `'${name}'`).join(' -> ')}`,
        );
      }
      chains.push([...chain, to]);
    }
  }
}

function wrong(message: string): RegistrationError {
  return new RegistrationError('INVALID_UPCAST', message);
}
