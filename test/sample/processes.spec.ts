import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ParkedEvent, StoredEvent } from 'omniscient-nest';
import { signatureOf } from '../../sample-app/bank/bank.js';
import { eventually, type Sample, startSample } from './sample.js';

describe('what listens in the sample application', () => {
  let sample: Sample;
  const server = () => sample.server;

  beforeAll(async () => {
    sample = await startSample();
  });
  afterAll(() => sample.close());

  const get = async (path: string) => (await server().get(path).expect(200)).body;
  const signUp = (name: string) => server().post(`/users/${name}`).send({ password: 'correct horse' }).expect(201);
  const enter = (game: string, player: string) => server().post(`/games/${game}/players`).send({ player });
  const die = (player: string) => server().post(`/players/${player}/deaths`).send({ to: 'a wolf' }).expect(200);

  /** Asks for lives, and says which payment that is. */
  async function pay(name: string, card: string, headers: Record<string, string> = {}): Promise<string> {
    const { body } = await server().post(`/users/${name}/payments`).set(headers).send({ lives: 2, card }).expect(201);
    return body.payment;
  }
  const statusOf = (payment: string) => async () => (await get(`/payments/${payment}`)).status;

  describe('a game', () => {
    it('respawns who dies while there are lives, then ejects for good', async () => {
      await enter('hill', 'bo').expect(201);
      for (const respawns of [1, 2]) {
        await die('bo');
        await eventually(() => get('/games/hill'), { players: ['bo'], fallen: [], respawns });
      }
      await die('bo');
      await eventually(() => get('/games/hill'), { players: [], fallen: ['bo'], respawns: 2 });
      await server().post('/players/bo/lives').send({ why: 'a miracle' }).expect(201);
      await enter('hill', 'bo')
        .expect(409)
        .expect(/FALLEN/);
      await enter('dale', 'bo').expect(201);
    });

    it('ejects who exits, who may come back', async () => {
      await enter('lake', 'cy').expect(201);
      await server().post('/players/cy/exits').send({ why: 'supper' }).expect(200);
      await eventually(() => get('/games/lake'), { players: [], fallen: [], respawns: 0 });
      await enter('lake', 'cy').expect(201);
    });

    it('lets nobody in without a life', async () => {
      for (let i = 0; i < 3; i += 1) await die('ghost');
      await enter('lake', 'ghost')
        .expect(409)
        .expect(/NO_LIVES_LEFT/);
    });

    it('ends when its clock has run down, also if every process was down in between; who is left has won', async () => {
      await enter('tower', 'dora').expect(201);
      await enter('tower', 'emil').expect(201);
      await server().put('/games/tower/start').send({ seconds: 2 }).expect(200);
      await server().put('/games/tower/start').send({ seconds: 2 }).expect(409);
      await server().delete('/games/tower/players/emil').expect(200);
      // Nobody looks at the game again before it has ended.
      sample = await sample.restart();
      await eventually(async () => won(await get('/leaders'), 'dora'), [1, 1]);
      const { winners, startedAt } = await get('/games/tower');
      expect(winners).toEqual(['dora']);
      expect(startedAt).toMatch(/^\d{4}-/);
      await enter('tower', 'emil')
        .expect(409)
        .expect(/GAME_OVER/);
    });

    it('that is over begins anew, with whoever is there, and whoever fell', async () => {
      await enter('cave', 'gus').expect(201);
      await enter('cave', 'hal').expect(201);
      for (let lives = 3; lives > 0; lives -= 1) await die('hal');
      await eventually(async () => (await get('/games/cave')).fallen, ['hal']);
      const reopen = () => server().post('/games/cave/reopen');
      await reopen().expect(200);
      expect((await get('/games/cave')).fallen).toEqual(['hal']);
      await server().put('/games/cave/start').send({ seconds: 1 }).expect(200);
      await eventually(async () => (await get('/games/cave')).winners, ['gus']);
      await Promise.all([reopen().expect(200), reopen().expect(200)]);
      expect(await get('/games/cave')).toEqual({ players: ['gus'], fallen: [], respawns: 0 });
      await server().post('/players/hal/lives').send({ why: 'a miracle' }).expect(201);
      await enter('cave', 'hal').expect(201);
      await server().put('/games/cave/start').send({ seconds: 1 }).expect(200);
      await reopen()
        .expect(409)
        .expect(/STILL_RUNNING/);
      await eventually(async () => (await get('/games/cave')).winners, ['gus', 'hal']);
      await eventually(async () => won(await get('/leaders'), 'gus'), [2, 2]);
    });
  });

  describe('a payment', () => {
    beforeAll(() => signUp('finn'));

    it('is paid, and asked for twice it charges once', async () => {
      const key = { 'idempotency-key': 'finn-1' };
      const payments = [await pay('finn', 'good', key), await pay('finn', 'good', key)];
      expect(payments[1]).toBe(payments[0]);
      await eventually(() => get('/players/finn'), { lives: 5 });
      expect(await get(`/bank/book/${payments[0]}`)).toEqual({ asked: 1, chargedCents: 200, refundedCents: 0 });
    });

    it('is asked for again while the bank cannot be reached', async () => {
      const payment = await pay('finn', 'flaky');
      await eventually(statusOf(payment), 'paid');
      expect((await get(`/payments/${payment}`)).failures).toBe(2);
      await eventually(() => get('/players/finn'), { lives: 7 });
      const { asked, chargedCents } = await get(`/bank/book/${payment}`);
      expect(asked).toBeGreaterThanOrEqual(3);
      expect(chargedCents).toBe(200);
    });

    it('that the bank declines gives nothing', async () => {
      const payment = await pay('finn', 'declined');
      await eventually(statusOf(payment), 'declined');
      expect(await get('/players/finn')).toEqual({ lives: 7 });
      expect((await get(`/bank/book/${payment}`)).chargedCents).toBe(0);
    });

    it('that the bank takes and is silent about is given up, and the money comes back; a late answer changes nothing', async () => {
      const payment = await pay('finn', 'silent');
      await eventually(statusOf(payment), 'asking');
      sample = await sample.restart();
      await eventually(statusOf(payment), 'refunded');
      const { asked, ...money } = await get(`/bank/book/${payment}`);
      expect(asked).toBeGreaterThanOrEqual(2);
      expect(money).toEqual({ chargedCents: 200, refundedCents: 200 });
      const late = server().post(`/payments/${payment}/answer`).set('x-bank-signature', signatureOf(payment, 'paid'));
      await late.send({ outcome: 'paid' }).expect(200);
      expect(await statusOf(payment)()).toBe('refunded');
      expect(await get('/players/finn')).toEqual({ lives: 7 });
    });

    it('believes nobody but the bank', async () => {
      const payment = await pay('finn', 'silent');
      await server().post(`/payments/${payment}/answer`).send({ outcome: 'paid' }).expect(403);
      const forged = server().post(`/payments/${payment}/answer`).set('x-bank-signature', 'I am the bank');
      await forged.send({ outcome: 'paid' }).expect(403);
    });

    it('is parked when the bank sends nonsense, and goes on when an operator retries it', async () => {
      await server().put('/bank').send({ isBroken: true }).expect(200);
      const payment = await pay('finn', 'good');
      const [parked] = (await eventually(
        () => get('/operator/parked'),
        (all: ParkedEvent[]) => all.length === 1,
      )) as [ParkedEvent];
      expect(parked).toMatchObject({
        listener: 'Payment.open',
        actorId: payment,
        event: { name: 'payment_requested' },
      });
      expect(parked.error.message).toContain('<html>');
      expect((await get('/health')).info.events.parked).toBe(1);
      await server()
        .post(`/operator/parked/${parked.id}/retry`)
        .expect(409)
        .expect(/STILL_FAILS/);
      await server().put('/bank').send({ isBroken: false }).expect(200);
      await server().post(`/operator/parked/${parked.id}/retry`).expect(200);
      await eventually(statusOf(payment), 'paid');
      expect(await get('/operator/parked')).toEqual([]);
      await server()
        .delete(`/operator/parked/${parked.id}`)
        .expect(404)
        .expect(/NOT_PARKED/);
    });
  });

  describe('the leader board', () => {
    it('is the same as an actor and as a table, and as a table made anew', async () => {
      await eventually(
        () => get('/leaders'),
        ({ actor, table }) => actor.length >= 4 && JSON.stringify(actor) === JSON.stringify(table),
      );
      const { generation } = await get('/leaders/progress');
      await server().post('/leaders/rebuild').expect(202);
      await eventually(
        () => get('/leaders/progress'),
        (progress) => progress.generation === generation + 1 && progress.rebuilding === undefined,
      );
      await server().post('/players/gina/lives').send({ why: 'a present' }).expect(201);
      const { actor, table } = await eventually(
        () => get('/leaders'),
        (leaders) => leaders.actor.length >= 5 && JSON.stringify(leaders.actor) === JSON.stringify(leaders.table),
      );
      expect(table).toContainEqual({ player: 'gina', lives: 4, won: 0 });
      expect(table).toContainEqual({ player: 'dora', lives: 3, won: 1 });
      expect(actor[0].player).toBe('gus');
    });
  });

  it('one request leads to all that it caused, in order, in whichever actor', async () => {
    await signUp('hugo');
    const { lastPosition } = await get('/leaders/progress');
    const payment = await pay('hugo', 'good', { 'x-correlation-id': 'a-request-of-hugo' });
    const names = async (after: number) => {
      const events: StoredEvent[] = await get(`/requests/a-request-of-hugo?after=${after}`);
      return events.filter(({ name }) => !name.startsWith('$')).map(({ streamId, name }) => `${streamId} ${name}`);
    };
    await eventually(
      () => names(lastPosition),
      [
        'hugo payment_requested',
        `payment/${payment} payment_opened`,
        `payment/${payment} payment_confirmed`,
        'hugo payment_received',
        'leaders/all score_changed',
      ],
    );
    expect(await names(0)).toHaveLength(5);
    await server().get('/requests/a-request-of-hugo?after=soon').expect(400);
  });

  it('says how it does', async () => {
    const { status, info } = await get('/health');
    expect({ status, ...info.events }).toMatchObject({
      status: 'up',
      nodeId: 'spec',
      nodes: ['spec'],
      isIsolated: false,
    });
    expect(Object.keys(info.events.lag)).toEqual(
      expect.arrayContaining(['LeaderTable', '$listen-Payment', '$listen-Round']),
    );
  });
});

/** Games that a player has won, by the actor and by the table. */
function won(leaders: Record<'actor' | 'table', { player: string; won: number }[]>, player: string) {
  return [leaders.actor, leaders.table].map((board) => board.find((each) => each.player === player)?.won);
}
