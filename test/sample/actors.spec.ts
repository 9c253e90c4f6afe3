import { describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, getActorToken, LiveActor } from 'omniscient-nest';
import { Given } from 'omniscient-nest/testing';
import { Game } from '../../sample-app/games/game.js';
import { ranked, scoresOf } from '../../sample-app/leaders/scoring.js';
import { Player } from '../../sample-app/players/player.js';
import type { RoundEvents } from '../../sample-app/rounds/round-events.js';

const FIRST = '2026-01-01T00:00:00.000Z';
const SECOND = '2026-01-01T01:00:00.000Z';

/** Ends rounds when a test says so. */
@Actor({ prefix: 'bell/' })
class Bell extends LiveActor<object, Pick<RoundEvents, 'round_ended'>> {
  initialState() {
    return {};
  }

  @Command()
  ring(end: RoundEvents['round_ended']): void {
    this.fire('round_ended', end);
  }

  @EventHandler() round_ended() {}
}

describe('the actors of the sample application', () => {
  it('a player lost lives in the first version, too', async () => {
    await Given('a player of the first days', [
      { name: 'life_lost', data: { to: 'a bear' } },
      { name: 'life_added', data: { why: 'a present' } },
      { name: 'life_lost', data: { to: 'a wolf' } },
    ])
      .When(Player, 'die', 'a mushroom')
      .Then([{ name: 'player_death', data: { to: 'a mushroom', livesLeft: 1 } }])
      .AndState({ lives: 1 })
      .When(Player, 'die', 'boredom')
      .Then([{ name: 'player_death', data: { to: 'boredom', livesLeft: 0 } }])
      .When(Player, 'die', 'boredom')
      .ThenThrows('no lives left');
  });

  it.each([null, 0, 1.5, 601, '60'])('a game does not start for %j seconds, whoever asks', async (seconds) => {
    await Given('a game with a player', [{ name: 'player_joined', data: { player: 'anna' } }])
      .With(getActorToken(Player), {})
      .When(Game, 'start', seconds as number)
      .ThenThrows({ code: 'SCHEMA_MISMATCH', path: 'seconds' })
      .Then([]);
  });

  it.each([
    ['the round that is running', { startedAt: SECOND }, ['anna']],
    ['a round of the first version, which did not say which it was', {}, ['anna']],
    ['an earlier round', { startedAt: FIRST }, undefined],
  ])('a game is ended by %s', async (_which, round, winners) => {
    const game = 'forest';
    await Given('a game that was begun anew', [
      { name: 'player_joined', data: { player: 'anna' } },
      { name: 'game_started', data: { game, at: FIRST, seconds: 60 } },
      { name: 'game_ended', data: { game, winners: ['anna'] } },
      { name: 'game_reopened', data: { game } },
      { name: 'game_started', data: { game, at: SECOND, seconds: 60 } },
    ])
      .As(game)
      .With(getActorToken(Player), {})
      .AndState(Game, { players: ['anna'], startedAt: SECOND })
      .When(Bell, 'ring', { game, ...round })
      .Then<Game>([
        { name: 'round_ended' },
        ...(winners ? [{ name: 'game_ended' as const, data: { game, winners } }] : []),
      ]);
  });

  it('the best player is who has won most, then who has most lives, then the first by name', () => {
    const scores = [
      { player: 'd', lives: 9, won: 0 },
      { player: 'c', lives: 2, won: 1 },
      { player: 'b', lives: 2, won: 1 },
      { player: 'a', lives: 1, won: 2 },
    ];
    expect(ranked(scores).map(({ player }) => player)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('an event of the first version counts as it did then', () => {
    const metadata = {
      at: '2024-01-01T00:00:00.000Z',
      actor: 'Player',
      firedBy: { nodeId: 'n', activationId: 'a' },
      commandId: 'c',
      correlationId: 'c',
      causationId: null,
    };
    const event = { id: '1', streamId: 'anna', version: 1, name: 'life_lost', data: { to: 'a bear' }, metadata };
    expect(scoresOf(event)).toEqual([{ player: 'anna', lives: -1, won: 0 }]);
  });
});
