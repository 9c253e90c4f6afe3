import type { ActorDefinition } from '../../../kernel/defining/index.js';
import { ReplayedActor } from '../../../kernel/folding/index.js';
import { FrameworkState } from '../../../kernel/framework/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';

/** Folds events in an instance made for this only. @throws HandlerError. */
export function fold(
  definition: ActorDefinition,
  streamId: string,
  events: readonly EventRecord[],
  newActor: (definition: ActorDefinition) => InstanceType<ActorDefinition['actorClass']>,
): Folded {
  const id = streamId.slice(definition.prefix.length);
  const past = new ReplayedActor(definition, newActor(definition), id, streamId);
  for (const event of events) past.apply(event);
  const framework = new FrameworkState(definition.name);
  framework.applyAll(events);
  return { state: JSON.stringify(past.frozen()), framework: frameworkText(framework) };
}

/**
 * What a stream makes of an actor: its state and the framework's part of it, as JSON text that shows the order of keys.
 */
export interface Folded {
  readonly state: string;
  readonly framework: string;
}

/** Returns the framework's part as text. Empty entries count as absent. */
export function frameworkText(framework: FrameworkState): string {
  return JSON.stringify(withoutEmpty(JSON.parse(JSON.stringify(framework) ?? '{}')) ?? {});
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).flatMap(([key, part]) => {
    const left = withoutEmpty(part);
    return left === undefined ? [] : [[key, left] as const];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
