import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Actor, Command, EventHandler, type Heard, ListenTo, LiveActor, OneActor } from 'omniscient-nest';
import { Given } from 'omniscient-nest/testing';

interface PlayerEvents {
  died: object;
}

interface GameEvents {
  joined: { player: string };
  respawned: { player: string };
}

@Actor()
class Player extends LiveActor<object, PlayerEvents> {
  initialState() {
    return {};
  }

  @Command()
  die(): void {
    this.fire('died');
  }
}

/** Listens to the streams that its state names. */
@Actor()
class Game extends LiveActor<{ players: string[]; back: number }, GameEvents> {
  initialState() {
    return { players: [] as string[], back: 0 };
  }

  @Command()
  join(player: string): void {
    this.fire('joined', { player });
  }

  @EventHandler()
  joined({ player }: GameEvents['joined']) {
    this.state.players.push(player);
  }

  @EventHandler()
  respawned() {
    this.state.back += 1;
  }

  @ListenTo((state: { players: string[] }) => state.players, { events: ['died'] })
  async onDeath(event: Heard<PlayerEvents>): Promise<void> {
    // Longer than the event loop needs to look around.
    await sleep(20);
    this.fire('respawned', { player: event.streamId });
  }
}

/** Is called into life by what others say. */
@Actor({ prefix: 'score-' })
class Score extends LiveActor<{ deaths: number }, { counted: object }> {
  initialState() {
    return { deaths: 0 };
  }

  @ListenTo<PlayerEvents, 'died'>({ events: ['died'], to: () => 'all' })
  onDeath(): void {
    this.fire('counted');
  }

  @EventHandler()
  counted() {
    this.state.deaths += 1;
  }
}

/** Reacts to a reaction, on its leader. */
@Actor({ prefix: 'news-' })
class News extends OneActor<{ told: string[] }, { told: { who: string } }> {
  initialState() {
    return { told: [] as string[] };
  }

  @ListenTo<GameEvents, 'respawned'>({ events: ['respawned'], to: () => 'all' })
  onReturn({ data }: Heard<Pick<GameEvents, 'respawned'>>): void {
    this.fire('told', { who: data.player });
  }

  @EventHandler()
  told({ who }: { who: string }) {
    this.state.told.push(who);
  }
}

describe('What others react with', () => {
  const died = Given().As('game').When(Game, 'join', 'ada').As('ada').When(Player, 'die');

  it('is stored before the next step', async () => {
    await died
      .Then<Game>([{ name: 'joined' }, { name: 'died' }, { name: 'respawned', data: { player: 'ada' } }])
      .As('game')
      .AndState(Game, { back: 1 })
      .As('ada')
      .When(Player, 'die')
      .Then<Game>([{ name: 'died' }, { name: 'respawned' }])
      .As('game')
      .AndState(Game, { back: 2 });
  });

  it('does not go unseen', async () => {
    await expect(died.Then([{ name: 'joined' }, { name: 'died' }])).rejects.toThrow('events[2] should not be there');
  });

  it('is heard from those whom only events call, if the test names them anywhere', async () => {
    await Given()
      .As('ada')
      .When(Player, 'die')
      .When(Player, 'die')
      .Then<Score>([{ name: 'died' }, { name: 'counted' }, { name: 'died' }, { name: 'counted' }])
      .As('all')
      .AndState(Score, { deaths: 2 });
  });

  it('may be reacted to, as far as that goes', async () => {
    await died
      .Then<Game | News>([
        { name: 'joined' },
        { name: 'died' },
        { name: 'respawned' },
        { name: 'told', data: { who: 'ada' } },
      ])
      .As('all')
      .AndState(News, { told: ['ada'] });
  });

  it('does not concern what is given: that is the past', async () => {
    await Given([{ name: 'died' }])
      .As('ada')
      .When(Player, 'die')
      .Then<Score>([{ name: 'died' }, { name: 'counted' }])
      .As('all')
      .AndState(Score, { deaths: 1 });
    await Given([{ name: 'joined', data: { player: 'ada' } }])
      .As('game')
      .AndState(Game, { players: ['ada'] })
      .As('ada')
      .When(Player, 'die')
      .Then<Game>([{ name: 'died' }, { name: 'respawned' }]);
  });

  it('concerns what is given if the listener says from where on it listens', async () => {
    await Given([{ name: 'died' }])
      .AndState(History, {})
      .When(Player, 'die')
      .Then<History>([{ name: 'noted' }, { name: 'died' }, { name: 'noted' }]);
  });
});

/** Has an interest in what was before it. */
@Actor({ prefix: 'history-' })
class History extends LiveActor<object, { noted: object }> {
  initialState() {
    return {};
  }

  @ListenTo<PlayerEvents, 'died'>({ events: ['died'], to: () => 'all', from: 0 })
  onDeath(): void {
    this.fire('noted');
  }
}

/** Hears every death, and does what the test says. */
@Actor()
class Witness extends LiveActor<object, { seen: object }> {
  static reaction: () => unknown = () => {};

  initialState() {
    return {};
  }

  @ListenTo<PlayerEvents, 'died'>({ events: ['died'], to: () => 'one' })
  async onDeath(): Promise<void> {
    await Witness.reaction();
    this.fire('seen');
  }
}

/** Hears itself. */
@Actor()
class Echo extends LiveActor<object, { called: object }> {
  initialState() {
    return {};
  }

  @Command()
  call(): void {
    this.fire('called');
  }

  @ListenTo<{ called: object }, 'called'>({ events: ['called'], to: () => 'echo' })
  onCall(): void {
    this.fire('called');
  }
}

describe('A reaction that does not come to its end', () => {
  const witnessed = () => Given().When(Player, 'die').As('one').AndState(Witness, {});

  beforeEach(() => {
    jest.spyOn(console, 'warn').mockImplementation(() => {});
    jest.spyOn(console, 'error').mockImplementation(() => {});
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('fails the test with what it threw, and where', async () => {
    Witness.reaction = () => {
      throw new RangeError('did not look');
    };
    const failure = await witnessed().catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({
      name: 'AssertionError',
      message: [
        'Given nothing',
        '  When Player.die()',
        "  But Witness 'one' could not react to 'died': 'onDeath' failed: RangeError: did not look",
      ].join('\n'),
      cause: { name: 'RangeError', message: 'did not look' },
    });
    expect(failure?.stack).toContain('reactions.spec');
  });

  it('fails the test that waits for it in vain', async () => {
    const ending = new AbortController();
    Witness.reaction = () => sleep(60_000, undefined, { signal: ending.signal }).catch(() => {});
    const failed = expect(witnessed()).rejects.toThrow(
      "When Player.die()\n  But what it caused has not ended within 3000 ms: $listen-Witness, Witness 'one' still at work",
    );
    await sleep(3_500);
    ending.abort();
    await failed;
  });

  it('fails the test if it sets itself off again for ever', async () => {
    await expect(Promise.resolve(Given().When(Echo, 'call'))).rejects.toThrow(
      /When Echo\.call\(\)\n {2}But what it caused has not ended within 3000 ms: .*Echo/,
    );
  });
});
