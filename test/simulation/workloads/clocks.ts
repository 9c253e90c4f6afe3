import { Actor, Command, EventHandler, type Tick, TickActor } from 'omniscient-nest';
import type { SimulationOptions } from 'omniscient-nest/testing';
import { hastyLimits } from './hasty-limits.js';

interface ClockEvents {
  touched: object;
}

/** Starts, stops and begins anew. */
@Actor()
export class WallClock extends TickActor<{ n: number; missed: number; touched: number }, ClockEvents> {
  initialState() {
    return { n: 0, missed: 0, touched: 0 };
  }

  @Command() go(everyMs: number) {
    this.startTicking({ everyMs });
  }

  @Command() goFor(everyMs: number, count: number) {
    this.startTicking({ everyMs, count });
  }

  @Command() halt() {
    this.stopTicking();
  }

  @Command() goAnew(everyMs: number) {
    this.stopTicking();
    this.startTicking({ everyMs });
  }

  @Command() touch() {
    this.fire('touched');
  }

  @EventHandler() tick({ n, missed }: Tick) {
    this.state.n = n;
    this.state.missed += missed;
  }

  @EventHandler() touched() {
    this.state.touched += 1;
  }
}

export const CLOCKS: SimulationOptions = {
  actors: [WallClock],
  limits: hastyLimits,
  workload: async ({ actor, random, sleep }) => {
    const id = `t${random.int(6)}`;
    const everyMs = random.pick([100, 300, 700]);
    await sleep(random.int(400));
    switch (random.int(7)) {
      case 0:
        return actor(WallClock, id).halt();
      case 1:
        await actor(WallClock, id).halt();
        return actor(WallClock, id).go(everyMs);
      case 2:
        return actor(WallClock, id).goAnew(everyMs);
      case 3:
        return actor(WallClock, id).goFor(everyMs, random.int(1, 6));
      case 4:
        return actor(WallClock, id).touch();
      default:
        return actor(WallClock, id).go(everyMs);
    }
  },
};
