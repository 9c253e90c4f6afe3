import { Controller, Headers, type MessageEvent, Query, Sse } from '@nestjs/common';
import { ActorRepository, InjectActor } from 'omniscient-nest';
import { distinctUntilChanged, EMPTY, interval, map, merge, type Observable, scan, switchMap } from 'rxjs';
import { withoutSecrets } from '../common/secrets.js';
import { Game } from '../games/game.js';
import { LeadersFeed } from '../leaders/leaders.feed.js';
import { OperatorFeed } from '../operator/operator.feed.js';
import { PaymentsFeed } from '../payments/payments.feed.js';
import { Player } from '../players/player.js';
import { Round } from '../rounds/round.js';
import { LiveQuery } from './live.dto.js';

/** How often a stream says that it is still there, so that both ends notice a dead connection. */
const HEARTBEAT_MS = 15_000;

/**
 * All that one window shows, in one stream: browsers open only six connections to a server. Each part is an observable that gives what is true now and
 * then whatever changes, on whichever node; when the window closes, Nest unsubscribes, and everything is freed.
 */
@Controller('live')
export class LiveController {
  constructor(
    @InjectActor(Player) private readonly players: ActorRepository<Player>,
    @InjectActor(Game) private readonly games: ActorRepository<Game>,
    @InjectActor(Round) private readonly rounds: ActorRepository<Round>,
    private readonly payments: PaymentsFeed,
    private readonly leaders: LeadersFeed,
    private readonly operator: OperatorFeed,
  ) {}

  @Sse()
  live(@Query() { player, game }: LiveQuery, @Headers('last-event-id') lastEventId?: string): Observable<MessageEvent> {
    const after = resumeAfter(lastEventId);
    const heartbeat$ = interval(HEARTBEAT_MS).pipe(map(() => ({ type: 'heartbeat', data: {} })));
    const messages$ = merge(
      player ? this.lives(player) : EMPTY,
      player ? this.story(player, after) : EMPTY,
      player ? this.payments.messages$(player) : EMPTY,
      game ? this.room(game) : EMPTY,
      this.leaders.messages$,
      this.operator.messages$,
      heartbeat$,
    );
    return messages$.pipe(scan(bearPlace, { id: String(after), data: '' }));
  }

  private lives(player: string): Observable<MessageEvent> {
    return this.players.state$(player).pipe(map(({ lives }) => ({ type: 'lives', data: { player, lives } })));
  }

  /** A player's events, after a version: the whole story, or what a browser missed that was away. */
  private story(player: string, after: number): Observable<MessageEvent> {
    const events$ = this.players.events$(player, { after });
    return events$.pipe(map((event) => ({ type: 'event', id: String(event.version), data: withoutSecrets(event) })));
  }

  /** The game, its clock, and the lives of whoever is in it at the time. */
  private room(game: string): Observable<MessageEvent> {
    const game$ = this.games.state$(game);
    const lives$ = game$.pipe(
      map(({ players }) => players),
      distinctUntilChanged(), // states share what did not change
      switchMap((players) => merge(...players.map((player) => this.lives(player)))),
    );
    const clock$ = this.rounds.state$(game).pipe(map((data) => ({ type: 'clock', data })));
    return merge(game$.pipe(map((data) => ({ type: 'game', data }))), clock$, lives$);
  }
}

/** The version that a returning browser has seen last; 0 for a new one. */
function resumeAfter(lastEventId: string | undefined): number {
  const version = Number(lastEventId);
  return Number.isSafeInteger(version) && version > 0 ? version : 0;
}

/** A browser sends back the id of the last message, of whatever kind: so each bears the version of the last event told. */
function bearPlace(last: MessageEvent, next: MessageEvent): MessageEvent {
  return { ...next, id: next.id ?? last.id ?? '0' };
}
