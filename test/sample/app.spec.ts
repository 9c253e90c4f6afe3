import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { StoredEvent } from 'omniscient-nest';
import { NAME } from '../../sample-app/common/name.js';
import { eventually, type Sample, startSample } from './sample.js';

/** What is used of the server's table of routes. */
interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

describe('the sample application over HTTP', () => {
  let sample: Sample;
  let server: Sample['server'];

  beforeAll(async () => {
    sample = await startSample();
    server = sample.server;
  });
  afterAll(() => sample.close());

  const signUp = (name: string) => server.post(`/users/${name}`).send({ password: 'correct horse' }).expect(201);

  it('signs up once, logs in with the right password only', async () => {
    await signUp('anna');
    await server.post('/users/anna').send({ password: 'somebody else' }).expect(409).expect(/taken/);
    await server.post('/users/anna/login').send({ password: 'wrong' }).expect(401);
    const { body } = await server.post('/users/anna/login').send({ password: 'correct horse' }).expect(200);
    expect(body.token).toMatch(/^anna\./);
  });

  it('takes a name once, also when two ask at the same time', async () => {
    const both = await Promise.all([1, 2].map(() => server.post('/users/twin').send({ password: 'correct horse' })));
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it('locks after five wrong passwords in a row', async () => {
    await signUp('bert');
    for (let i = 0; i < 5; i += 1) await server.post('/users/bert/login').send({ password: 'wrong' }).expect(401);
    await server
      .post('/users/bert/login')
      .send({ password: 'correct horse' })
      .expect(403)
      .expect(/locked/);
  });

  it("a user's payment gives the player lives", async () => {
    await signUp('cleo');
    const { body } = await server.post('/users/cleo/payments').send({ lives: 4 }).expect(201);
    expect(body.amountCents).toBe(400);
    await eventually(async () => (await server.get('/players/cleo')).body, { lives: 7 });
    await server.post('/users/nobody/payments').send({ lives: 1 }).expect(403);
  });

  it('lives never go below zero, also when four devices play at once', async () => {
    const deaths = await Promise.all(
      Array.from({ length: 10 }, () => server.post('/players/dora/deaths').send({ to: 'a wolf' })),
    );
    expect(deaths.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(deaths.filter(({ status, body }) => status === 409 && body.code === 'NO_LIVES_LEFT')).toHaveLength(7);
    await server.get('/players/dora').expect(200, { lives: 0 });
  });

  it('a game takes eight players, and starts once', async () => {
    await server
      .put('/games/forest/start')
      .expect(409)
      .expect(/NOBODY_THERE/);
    const joins = await Promise.all(
      Array.from({ length: 10 }, (_, i) => server.post('/games/forest/players').send({ player: `p${i}` })),
    );
    expect(joins.map(({ status }) => status).sort()).toEqual([...Array(8).fill(201), 409, 409]);
    await server.delete('/games/forest/players/p0').expect(200);
    await server.put('/games/forest/start').expect(200);
    const { body } = await server.get('/games/forest').expect(200);
    expect(body.players).not.toContain('p0');
    expect(body.startedAt).toMatch(/^\d{4}-/);
  });

  it.each([
    ['POST', '/users/eva', { password: 'short' }, 'password'],
    ['POST', '/users/eva', { password: 7 }, 'password'],
    ['POST', '/users/eva', { password: 'long enough', admin: true }, 'admin'],
    ['POST', '/users/eva/payments', { lives: 0 }, 'lives'],
    ['POST', '/users/eva/payments', { lives: '3' }, 'lives'],
    ['POST', '/users/eva/payments', { lives: 3, card: 'golden' }, 'card'],
    ['POST', '/players/eva/lives', {}, 'why'],
    ['POST', '/users/eva/payments', { lives: 3, card: null }, 'card'],
    ['PUT', '/games/forest/start', { seconds: 0 }, 'seconds'],
    ['PUT', '/games/forest/start', { seconds: null }, 'seconds'],
    ['PUT', '/bank', { isBroken: 'no' }, 'isBroken'],
    ['POST', '/games/forest/players', { player: 'no spaces please' }, 'player'],
    ['POST', '/players/no%20spaces/lives', { why: 'x' }, 'name'],
  ])('%s %s %j: 400, and the message names the field', async (method, path, body, field) => {
    const call = method === 'PUT' ? server.put(path) : server.post(path);
    const { body: answer } = await call.send(body).expect(400);
    expect(String(answer.message)).toContain(field);
  });

  it.each(['-1', '1.5', '1e30', '9007199254740993', 'soon'])('is asked for what came after %s: 400', async (after) => {
    const { body } = await server.get(`/requests/some-request?after=${after}`).expect(400);
    expect(String(body.message)).toContain('after');
  });

  it('a game and a player never share a stream, whatever they are called', async () => {
    await server.post('/games/arena/players').set('x-correlation-id', 'ida-joins').send({ player: 'ida' }).expect(201);
    const { body } = await server.get('/requests/ida-joins').expect(200);
    const joined = body.filter(({ name }: StoredEvent) => name === 'player_joined');
    expect(joined).toHaveLength(1);
    expect(joined[0].streamId).not.toMatch(NAME);
  });

  it('a request with the same idempotency key gets the first answer, whatever it asks for; an empty key is none', async () => {
    await signUp('jana');
    const pay = (key: string, lives: number) =>
      server.post('/users/jana/payments').set('idempotency-key', key).send({ lives, card: 'silent' }).expect(201);
    const answers = [await pay('one', 1), await pay('one', 2), await pay('', 3), await pay('', 3)];
    const bodies = answers.map(({ body }) => body);
    expect(bodies.map(({ amountCents }) => amountCents)).toEqual([100, 100, 300, 300]);
    expect(bodies[1]).toEqual(bodies[0]);
    expect(bodies[3].payment).not.toBe(bodies[2].payment);
  });

  it('has the routes that its README tells of, and no others', () => {
    const { router } = sample.app.getHttpAdapter().getInstance() as { router: { stack: Layer[] } };
    const routes = router.stack.flatMap(({ route }) =>
      route ? Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${route.path}`) : [],
    );
    const readme = readFileSync(new URL('../../sample-app/README.md', import.meta.url), 'utf8');
    const told = [...readme.matchAll(/^\| `([A-Z]+ \/[^`?]*)(?:\?[^`]*)?` \|/gm)].map(([, route]) => route);
    expect(told.length).toBeGreaterThan(20);
    expect(told.sort()).toEqual(routes.sort());
  });

  it('never tells a password hash', async () => {
    await signUp('finn');
    const text = await liveText('/live?player=finn');
    expect(text).toContain('signed_up');
    expect(text).not.toContain('passwordHash');
  });

  it('tells a browser that comes back only what it missed', async () => {
    await signUp('gina');
    await server.post('/players/gina/lives').send({ why: 'a present' }).expect(201);
    const text = await liveText('/live?player=gina', { 'last-event-id': '1' });
    expect(text).toContain('life_added');
    expect(text).not.toContain('signed_up');
    expect(text.match(/^id: .*$/gm)?.every((line) => line === 'id: 1' || line === 'id: 2')).toBe(true);
  });

  /** What an event stream says within a moment. */
  async function liveText(path: string, headers: Record<string, string> = {}): Promise<string> {
    const response = await fetch(`${await sample.app.getUrl()}${path}`, { headers, signal: AbortSignal.timeout(400) });
    let text = '';
    try {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
    } catch {}
    return text;
  }
});
