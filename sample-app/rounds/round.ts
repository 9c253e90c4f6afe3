import { Actor, EventHandler, type Heard, ListenTo, type Tick, TickActor, type TickEvents } from 'omniscient-nest';
import type { GameEvents } from '../games/game.js';
import type { RoundEvents } from './round-events.js';

const TICK_MS = 1_000;
/** No player's name has a slash, so no player shares a round's stream. */
const PREFIX = 'round/';

export interface RoundState {
  /** The game whose clock this is; absent while the clock does not run. */
  game?: string;
  /** When that game started: a room may be played in many times. */
  startedAt?: string;
  secondsLeft: number;
}

type GameStart = Heard<GameEvents, 'game_started'>;

/** The stream that a round listens to: its own, while it runs. */
const ownTicks = ({ game }: RoundState) => game && `${PREFIX}${game}`;

/** The clock of one game. Its ticks are events, so they go on in another process when this one dies, and every window shows the same time. */
@Actor({ prefix: PREFIX })
export class Round extends TickActor<RoundState, RoundEvents> {
  initialState(): RoundState {
    return { secondsLeft: 0 };
  }

  @ListenTo<GameEvents, 'game_started'>({ events: ['game_started'], to: ({ data }) => data.game })
  begin({ data: { game, at, seconds } }: GameStart) {
    this.fire('round_started', { game, startedAt: at, seconds });
    this.startTicking({ everyMs: TICK_MS });
  }

  @ListenTo(ownTicks, { events: ['tick'] })
  endInTime(_: Heard<TickEvents, 'tick'>) {
    const { game, startedAt, secondsLeft } = this.state;
    if (!game || secondsLeft > 0) return;
    this.fire('round_ended', startedAt ? { game, startedAt } : { game });
    this.stopTicking();
  }

  @EventHandler('round_started') onStart({ game, startedAt, seconds }: RoundEvents['round_started']) {
    this.state.game = game;
    if (startedAt) this.state.startedAt = startedAt;
    this.state.secondsLeft = seconds;
  }

  /** Ticks that were missed while all processes were down count too. */
  @EventHandler() tick({ missed }: Tick) {
    this.state.secondsLeft = Math.max(0, this.state.secondsLeft - 1 - missed);
  }

  @EventHandler('round_ended') onEnd() {
    delete this.state.game;
  }
}
