import type { CommandMethod } from '../../kernel/defining/index.js';
import { LeaderRole, RepeatedCommands, type RoleOwner } from '../leading/index.js';
import { ActorListening, type ListeningOwner, warnOfMissingHandlers } from '../listening/index.js';
import { type TickOwner, TickRole } from '../ticking/index.js';
import { currentTurn, fireOne, onceNamed } from '../turn/index.js';
import type { Activation } from './activation.js';
import type { Roles } from './activation-host.js';
import { assertNoCircle, assertRoom } from './admission.js';

/** Creates the roles of activations. Each role gets an owner that exposes only what the role needs. */
export const ROLES: Roles<Activation> = {
  leader: leaderRole,
  ticks: tickRole,
  listening: actorListening,
  repeats: repeatedCommands,
};

/** Creates the role that decides which node runs this activation's commands. */
function leaderRole(activation: Activation): LeaderRole {
  const { label, id, streamId, context, parts } = activation;
  const { definition } = activation.actorState;
  const owner: RoleOwner = {
    label,
    id,
    streamId,
    definition,
    framework: activation.framework,
    get version() {
      return activation.version;
    },
    unstored: () => activation.optimistic.unstored(),
    assertRoom: () => assertRoom(activation),
    assertNoCircle: (cause) => assertNoCircle(activation, cause),
    enqueueCommand: (command, args, cause, options) => activation.enqueue(command, args, cause, undefined, options),
    commandNamed: (name) => {
      if (name === fireOne.name) return fireOne;
      const { commands } = definition;
      return commands.get(name) ?? onceNamed(name, commands) ?? activation.listening?.commands.get(name);
    },
    recordAnswer: (answer) => context.recordAnswer(answer),
    storeFrameworkEvent: (name, data) => activation.decide(name, () => context.fireFramework(name, data), 'reject'),
    reached: (version, withinMs) => reached(activation, version, withinMs),
    runOnActivate: () => runOnActivate(activation),
  };
  return new LeaderRole(owner, parts, parts.cluster);
}

/** Creates the record of this activation's repeated commands. */
function repeatedCommands(activation: Activation): RepeatedCommands {
  const { label, streamId, context, optimistic, parts } = activation;
  return new RepeatedCommands({
    label,
    streamId,
    get version() {
      return activation.version;
    },
    parts,
    isLed: activation.leader !== undefined,
    get running() {
      return activation.running;
    },
    unstored: () => optimistic.unstored(),
    findPending: (holds) => optimistic.findPending(holds),
    recordAnswer: (answer, isLost) => context.recordAnswer(answer, isLost),
  });
}

/** Creates the role that makes this activation tick. */
function tickRole(activation: Activation): TickRole {
  const { label, id, streamId, actorName, context, optimistic, loop, parts } = activation;
  const owner: TickOwner = {
    label,
    id,
    streamId,
    actorName,
    framework: activation.framework,
    get alive() {
      return activation.alive;
    },
    get version() {
      return activation.version;
    },
    get held() {
      return loop.held;
    },
    get running() {
      return activation.running;
    },
    unstored: () => optimistic.unstored(),
    fireFramework: (name, data, notBeforeMs) => context.fireFramework(name, data, notBeforeMs),
    decide: (name, decide, origin) => activation.decide(name, decide, 'rerun', origin),
  };
  return new TickRole(owner, parts, parts.ticks);
}

/** Creates the role that listens for this activation. */
function actorListening(activation: Activation): ActorListening {
  const { label, actorName, id, actor, context, optimistic, framework, parts } = activation;
  const { definition } = activation.actorState;
  const owner: ListeningOwner = {
    label,
    actorName,
    id,
    actor,
    listens: definition.listens,
    upcasts: definition.upcasts,
    get alive() {
      return activation.alive;
    },
    get loaded() {
      return activation.loaded;
    },
    get listeningState() {
      return framework.listeningState;
    },
    get view() {
      return activation.actorState.tree.view;
    },
    get version() {
      return activation.version;
    },
    get settled() {
      return activation.settled;
    },
    get leads() {
      return activation.leader?.leads;
    },
    get mayRecord() {
      return !activation.leader?.isLedElsewhere;
    },
    onLeaderGone: (gone) => {
      if (!activation.leader) return () => {};
      return parts.cluster.membership.onGone((nodeId) => {
        if (nodeId === framework.leader?.nodeId) gone();
      });
    },
    get inTurn() {
      return activation.running !== undefined && activation.running === currentTurn();
    },
    findPending: (holds) => optimistic.findPending(holds),
    unstored: () => optimistic.unstored(),
    firedInTurn: () => optimistic.openTurn.events.length,
    fireFramework: (name, data) => context.fireFramework(name, data),
    noteHeard: (note) => context.noteHeard(note),
    run: (command, args, { cause, ...options }) => activation.runOwn(command, args, cause, options),
  };
  return new ActorListening(owner, parts);
}

/** Runs `onActivate`, if the class has one. */
export async function runOnActivate(activation: Activation): Promise<void> {
  const { actor, label, framework, parts } = activation;
  if (actor.onActivate) await activation.decide('onActivate', actor.onActivate as CommandMethod, 'reapply');
  if (framework.isListening)
    warnOfMissingHandlers(label, framework.listeningState, activation.listening, {
      log: parts.log,
      nowMs: parts.clock.now(),
    });
}

/**
 * Wake-ups bring what is stored. Whoever waits for a version reads the stream itself only if none has come for this
 * long. Milliseconds.
 */
const ASK_AFTER_MS = 25;

/** Resolves when the activation has reached this version, has ended, or after `withinMs` milliseconds. */
function reached(activation: Activation, version: number, withinMs: number): Promise<void> {
  if (activation.version >= version || !activation.alive) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      activation.parts.environment.clearTimeout(timer);
      activation.parts.environment.clearTimeout(asking);
      stop();
      resolve();
    };
    const timer = activation.parts.environment.setTimeout(end, withinMs);
    const asking = activation.parts.environment.setTimeout(() => activation.feed?.announce(version), ASK_AFTER_MS);
    const stop = activation.observe({
      changed: () => {
        if (activation.version >= version) end();
      },
      ended: end,
    });
  });
}
