import type { Checkpoint } from '../../lib/engine/duties/checkpoints.js';
import type { Unwatch } from '../../lib/engine/duties/follow.js';
import type { NodeMessage } from '../../lib/engine/duties/messages.js';
import type { NodeRecord } from '../../lib/engine/duties/nodes.js';
import type { TickSchedule } from '../../lib/engine/duties/tick-schedules.js';
import { MemoryEngine, type MemoryStore } from '../../lib/engines/memory/index.js';

/** Ways to go wrong with what nodes know of each other. */
export const CLUSTER_SABOTAGES = [
  'keeps one heartbeat for all nodes',
  'forgets a node whatever its incarnation',
  'brings messages to every node',
  'brings messages in reverse order',
  'loses the last of several messages',
  'delivers from inside send',
  'keeps messages for whoever receives later',
  'replaces a schedule that is there',
  'gives only the first schedules',
  'removes schedules whoever owns them',
  'removes schedules whatever was added since',
  'keeps the version that a schedule was first added at',
  'keeps the version that a schedule was last added at',
  'looks at a schedule first and removes it a moment later',
  'gives one schedule to two that take over',
  'keeps one checkpoint for all names',
  'saves a checkpoint whoever was first',
] as const;

export type ClusterSabotage = (typeof CLUSTER_SABOTAGES)[number];

/** Messages that nobody has received, by store. */
const kept = new WeakMap<object, NodeMessage[]>();

const keyOf = ({ streamId, actor }: TickSchedule) => JSON.stringify([streamId, actor]);

/** The part of the broken engine that is about nodes, messages and schedules. */
export abstract class BrokenCluster extends MemoryEngine {
  protected abstract has(sabotage: ClusterSabotage): boolean;
  protected abstract readonly shared: MemoryStore;

  override async nodes(): Promise<NodeRecord[]> {
    const all = await super.nodes();
    return this.has('keeps one heartbeat for all nodes') ? all.slice(-1) : all;
  }

  override async forgetNode(nodeId: string, incarnation: string): Promise<void> {
    const known = (await super.nodes()).find((node) => node.nodeId === nodeId);
    const any = this.has('forgets a node whatever its incarnation');
    await super.forgetNode(nodeId, any ? (known?.incarnation ?? '') : incarnation);
  }

  override async send(messages: readonly NodeMessage[]): Promise<void> {
    let sent = [...messages];
    if (this.has('keeps messages for whoever receives later')) {
      const lost = sent.filter(({ to }) => !this.shared.receivers.has(to));
      kept.set(this.shared, [...(kept.get(this.shared) ?? []), ...lost]);
    }
    if (this.has('brings messages in reverse order')) sent.reverse();
    if (this.has('loses the last of several messages') && sent.length > 1) sent.pop();
    if (this.has('brings messages to every node')) {
      sent = sent.flatMap(({ text }) => [...this.shared.receivers.keys()].map((to) => ({ to, text })));
    }
    if (!this.has('delivers from inside send')) return super.send(sent);
    for (const { to, text } of sent) this.shared.receivers.get(to)?.([text]);
  }

  override async receive(nodeId: string, deliver: (texts: readonly string[]) => void): Promise<Unwatch> {
    const unwatch = await super.receive(nodeId, deliver);
    const old = (kept.get(this.shared) ?? []).filter(({ to }) => to === nodeId);
    if (old.length > 0) deliver(old.map(({ text }) => text));
    return unwatch;
  }

  override async addSchedules(schedules: readonly TickSchedule[]): Promise<TickSchedule[]> {
    if (this.has('replaces a schedule that is there')) {
      for (const schedule of schedules) {
        for (const owner of await super.scheduleOwners()) await super.removeSchedules([{ ...schedule, owner }]);
      }
    }
    const kept = this.shared.schedules;
    if (this.has('keeps the version that a schedule was first added at')) {
      return super.addSchedules(
        schedules.map((each) => ({ ...each, since: kept.get(keyOf(each))?.since ?? each.since })),
      );
    }
    if (this.has('keeps the version that a schedule was last added at')) {
      for (const each of schedules) {
        const known = kept.get(keyOf(each));
        if (known) kept.set(keyOf(each), { ...known, since: each.since });
      }
    }
    return super.addSchedules(schedules);
  }

  override async schedulesOf(owner: string, limit: number, after?: TickSchedule): Promise<TickSchedule[]> {
    if (after && this.has('gives only the first schedules')) return [];
    return super.schedulesOf(owner, limit, after);
  }

  override async removeSchedules(schedules: readonly TickSchedule[]): Promise<void> {
    const owners = this.has('removes schedules whoever owns them') ? await super.scheduleOwners() : [];
    let asked = schedules.flatMap((each) => [each, ...owners.map((owner) => ({ ...each, owner }))]);
    const isBlind = this.has('removes schedules whatever was added since');
    if (isBlind) asked = asked.map((each) => ({ ...each, since: Number.MAX_SAFE_INTEGER }));
    if (this.has('looks at a schedule first and removes it a moment later')) {
      const seen = await super.schedulesOf(schedules[0]?.owner ?? '', Number.MAX_SAFE_INTEGER);
      const isOld = (each: TickSchedule) =>
        seen.some(({ streamId, actor, since }) => {
          return streamId === each.streamId && actor === each.actor && since <= each.since;
        });
      asked = asked.filter(isOld).map((each) => ({ ...each, since: Number.MAX_SAFE_INTEGER }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await super.removeSchedules(asked);
  }

  override async loadCheckpoint(name: string): Promise<Checkpoint | undefined> {
    return super.loadCheckpoint(this.has('keeps one checkpoint for all names') ? 'all' : name);
  }

  override async saveCheckpoint(name: string, revision: number, value: string): Promise<boolean> {
    if (this.has('keeps one checkpoint for all names')) return super.saveCheckpoint('all', revision, value);
    if (!this.has('saves a checkpoint whoever was first')) return super.saveCheckpoint(name, revision, value);
    const kept = await super.loadCheckpoint(name);
    return super.saveCheckpoint(name, kept?.revision ?? 0, value);
  }

  override async takeSchedules(from: string, to: string, limit: number): Promise<TickSchedule[]> {
    if (!this.has('gives one schedule to two that take over')) return super.takeSchedules(from, to, limit);
    const seen = await super.schedulesOf(from, limit);
    await new Promise((resolve) => setImmediate(resolve));
    await super.takeSchedules(from, to, limit);
    return seen.map((schedule) => ({ ...schedule, owner: to }));
  }
}
