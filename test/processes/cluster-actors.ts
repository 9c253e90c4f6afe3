import { Actor, Command, EventHandler, LiveActor, OneActor, type Tick, TickActor } from 'omniscient-nest';

export interface TokenEvents {
  taken: { token: string };
}

/** Led by one node; every token is an effect that must happen once. */
@Actor({ prefix: 'till-' })
export class Till extends OneActor<{ tokens: string[] }, TokenEvents> {
  initialState() {
    return { tokens: [] as string[] };
  }

  @Command()
  take(token: string): number {
    this.fire('taken', { token });
    return this.state.tokens.length;
  }

  @EventHandler()
  taken({ token }: TokenEvents['taken']): void {
    this.state.tokens.push(token);
  }
}

/** The same, decided on every node. */
@Actor({ prefix: 'purse-' })
export class Purse extends LiveActor<{ tokens: string[] }, TokenEvents> {
  initialState() {
    return { tokens: [] as string[] };
  }

  @Command({ onConflict: 'rerun' })
  take(token: string): number {
    this.fire('taken', { token });
    return this.state.tokens.length;
  }

  @EventHandler()
  taken({ token }: TokenEvents['taken']): void {
    this.state.tokens.push(token);
  }
}

@Actor({ prefix: 'pulse-' })
export class Pulse extends TickActor<{ count: number; missed: number }, Record<never, never>> {
  initialState() {
    return { count: 0, missed: 0 };
  }

  @Command()
  begin(everyMs: number, count: number | null): void {
    this.startTicking(count === null ? { everyMs } : { everyMs, count });
  }

  @Command()
  end(): void {
    this.stopTicking();
  }

  @EventHandler()
  tick({ missed }: Tick): void {
    this.state.count += 1;
    this.state.missed += missed;
  }
}
