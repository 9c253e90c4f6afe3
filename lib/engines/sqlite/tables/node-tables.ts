import type { Checkpoint, NodeRecord, TickSchedule } from '../../../engine/duties/index.js';
import type { Statements } from './statements.js';

/** Heartbeats, tick schedules and checkpoints: plain rows. Writes run in a transaction of the caller's. */
export class NodeTables {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  beat({ nodeId, incarnation, beat, clockMs }: NodeRecord): void {
    this.#statements.beat.run(nodeId, incarnation, beat, clockMs);
  }

  nodes(): NodeRecord[] {
    return (this.#statements.nodes.all() as NodeRecord[]).map((node) => ({ ...node }));
  }

  forget(nodeId: string, incarnation: string): void {
    this.#statements.forgetNode.run(nodeId, incarnation);
  }

  /** Returns the schedules that are kept now. */
  add(schedules: readonly TickSchedule[]): TickSchedule[] {
    return schedules.map((schedule) => {
      const { streamId, actor, id, owner, since } = schedule;
      this.#statements.addSchedule.run(streamId, actor, id, owner, since);
      return { ...(this.#statements.schedule.get(streamId, actor) as TickSchedule) };
    });
  }

  remove(schedules: readonly TickSchedule[]): void {
    for (const { streamId, actor, owner, since } of schedules) {
      this.#statements.removeSchedule.run(streamId, actor, owner, since);
    }
  }

  schedulesOf(owner: string, limit: number, after: TickSchedule | undefined): TickSchedule[] {
    const rows = this.#statements.schedulesOf.all(owner, after?.streamId ?? '', after?.actor ?? '', limit);
    return (rows as TickSchedule[]).map((row) => ({ ...row }));
  }

  owners(): string[] {
    return [...(this.#statements.scheduleOwners.all() as string[])];
  }

  checkpoint(name: string): Checkpoint | undefined {
    const row = this.#statements.checkpoint.get(name) as Checkpoint | undefined;
    return row && { ...row };
  }

  /** Returns whether it was saved, that is, whether nobody else was first. */
  saveCheckpoint(name: string, revision: number, value: string): boolean {
    if ((this.checkpoint(name)?.revision ?? 0) !== revision) return false;
    this.#statements.saveCheckpoint.run(name, revision + 1, value);
    return true;
  }

  take(from: string, to: string, limit: number): TickSchedule[] {
    const taken = this.schedulesOf(from, limit, undefined);
    for (const { streamId, actor } of taken) this.#statements.takeSchedule.run(to, streamId, actor);
    return taken.map((schedule) => ({ ...schedule, owner: to }));
  }
}
