import { Actor, type ActorRepository, Command, EventHandler, LiveActor } from 'omniscient-nest';
import type { CourseEnd, SimulationOptions } from 'omniscient-nest/testing';
import { Account } from './accounts.js';
import { hastyLimits } from './hasty-limits.js';

interface TransferEvents {
  moved: { mark: string };
}

/** Calls other actors, also in a command that is run again. */
@Actor({ prefix: 'transfer-' })
export class Transfer extends LiveActor<{ marks: string[] }, TransferEvents> {
  constructor(private readonly accounts: ActorRepository<Account>) {
    super();
  }

  initialState() {
    return { marks: [] as string[] };
  }

  @Command({ onConflict: 'rerun' }) async move(to: string, mark: string) {
    const account = await this.accounts.get(to);
    await account.payIn(1, mark);
    this.fire('moved', { mark });
  }

  @EventHandler() moved({ mark }: TransferEvents['moved']) {
    this.state.marks.push(mark);
  }
}

export const TRANSFERS: SimulationOptions = {
  actors: [Account, Transfer],
  create: (actorClass, node) => (actorClass === Transfer ? new Transfer(node.repository(Account)) : new actorClass()),
  limits: hastyLimits,
  workload: ({ actor, random, client, operation }) =>
    actor(Transfer, `t${random.int(2)}`).move(`a${random.int(2)}`, `${client}.${operation}`),
  invariants: [{ name: 'what a command runs again has effect once elsewhere', check: eachPaidOnce }],
};

function eachPaidOnce({ events }: CourseEnd): string | undefined {
  const marks = new Set<string>();
  for (const { name, data } of events) {
    if (name !== 'paid_in') continue;
    const { mark } = data as { mark: string };
    if (marks.has(mark)) return `${mark} was paid twice`;
    marks.add(mark);
  }
  return undefined;
}
