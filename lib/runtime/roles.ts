// The real one, also where a test runner has replaced the global.
import { setTimeout } from 'node:timers';
import type { ActorDefinition } from '../kernel/definition.js';
import type { FrameworkState } from '../kernel/framework-events.js';
import type { Activation } from './activation.js';
import { LeaderRole } from './leader-role.js';
import type { RoleOwner } from './role-owner.js';
import { type TickOwner, TickRole } from './ticks/tick-role.js';

/** Who runs this activation's commands. */
export function leaderRole(activation: Activation, definition: ActorDefinition): LeaderRole {
  const { label, id, streamId, context, parts } = activation;
  const owner: RoleOwner = {
    label,
    id,
    streamId,
    definition,
    framework: activation.framework as FrameworkState,
    get version() {
      return activation.version;
    },
    enqueueCommand: (command, args, options) => activation.enqueue(command, args, options.cause, undefined, options),
    recordAnswer: (answer) => context.recordAnswer(answer),
    storeFrameworkEvent: (name, data) => activation.decide(name, () => context.fireFramework(name, data), 'reject'),
    reached: (version, withinMs) => reached(activation, version, withinMs),
    runOnActivate: () => runOnActivate(activation),
  };
  return new LeaderRole(owner, parts, parts.cluster);
}

/** How this activation ticks. */
export function tickRole(activation: Activation): TickRole {
  const { label, id, streamId, actorName, context, optimistic, parts } = activation;
  const owner: TickOwner = {
    label,
    id,
    streamId,
    actorName,
    framework: activation.framework as FrameworkState,
    get alive() {
      return activation.alive;
    },
    get running() {
      return activation.running;
    },
    unstored: () => optimistic.unstored(),
    fireFramework: (name, data, atMs) => context.fireFramework(name, data, atMs),
    decide: (name, decide) => activation.decide(name, decide, 'rerun'),
  };
  return new TickRole(owner, parts, parts.ticks);
}

/** Runs `onActivate`, if the class has one. */
export async function runOnActivate(activation: Activation): Promise<void> {
  const { actor } = activation;
  if (actor.onActivate) await activation.runHook('onActivate', actor.onActivate);
}

/** Resolves when the activation has come up to this version, has ended, or when time is up. */
function reached(activation: Activation, version: number, withinMs: number): Promise<void> {
  if (activation.version >= version || !activation.alive) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const timer = setTimeout(end, withinMs);
    const stop = activation.observe({
      changed: () => {
        if (activation.version >= version) end();
      },
      ended: end,
    });
    activation.feed?.announce(version);
  });
}
