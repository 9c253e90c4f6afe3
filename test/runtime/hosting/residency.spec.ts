import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { firstValueFrom, skip } from 'rxjs';
import type { Activation } from '../../../lib/runtime/hosting/activation.js';
import { Residents } from '../../../lib/runtime/hosting/residents.js';
import { Counter } from '../../support/actors.js';
import { patientMs } from '../../support/machine-speed.js';
import { startNode } from '../../support/runtime.js';
import { VirtualEnvironment } from '../../support/virtual-environment.js';

@Actor()
class Guest extends LiveActor<{ visits: number; stays: number }, { came: object; went: object }> {
  static hooks: string[] = [];
  static failing = false;

  initialState() {
    return { visits: 0, stays: 0 };
  }

  override onActivate(): void {
    Guest.hooks.push(`activate ${this.id} ${this.state.visits}`);
    this.fire('came', {});
  }

  override async onPassivate(): Promise<void> {
    Guest.hooks.push(`passivate ${this.id}`);
    if (Guest.failing) throw new Error('does not want to go');
    this.fire('went', {});
    await sleep(5);
  }

  @Command() stay(): number {
    return this.state.visits;
  }

  @EventHandler() came() {
    this.state.visits += 1;
  }

  @EventHandler() went() {
    this.state.stays += 1;
  }
}

async function until(holds: () => boolean, forMs = 2_000): Promise<void> {
  const deadlineMs = Date.now() + patientMs(forMs);
  while (!holds()) {
    expect(Date.now()).toBeLessThan(deadlineMs);
    await sleep(2);
  }
}

describe('residency', () => {
  it('lets idle actors go after passivateAfterMs; refs to them keep working', async () => {
    const { actors, node } = await startNode(Counter, { passivateAfterMs: 40 });
    const counter = await actors.get('a');
    await counter.add(2);
    await until(() => node.residents === 0);
    expect(await counter.add(3)).toBe(5);
    expect(node.residents).toBe(1);
    expect(counter.state.count).toBe(5);
    expect(counter.version).toBe(2);
    await node.stop();
  });

  it('a look at the state of one that was let go brings it up to date', async () => {
    const { actors, node } = await startNode(Counter, { passivateAfterMs: 40 });
    const counter = await actors.get('a');
    await until(() => node.residents === 0);
    await node.parts.engine.append({
      streamId: 'a',
      expectedVersion: 0,
      events: [{ id: 'e', name: 'added', data: '{"n":7}', metadata: '{}' }],
    });
    expect(counter.state.count).toBe(0);
    await until(() => counter.state.count === 7);
    await node.stop();
  });

  it('keeps an actor that is used, busy or observed', async () => {
    const { actors, node } = await startNode(Counter, { passivateAfterMs: 30 });
    const subscription = actors.state$('observed').subscribe();
    let isBusy = true;
    const busy = (await actors.get('busy')).addLater(1, 150).finally(() => {
      isBusy = false;
    });
    await until(() => node.residents === 2);
    const residents = new Set<number>();
    for (; isBusy; await sleep(5)) residents.add(node.residents);
    expect([...residents]).toEqual([2]);
    subscription.unsubscribe();
    await busy;
    await until(() => node.residents === 0);
    await node.stop();
  });

  it('a released ref lets the actor go at once if nobody else holds it, and stays valid', async () => {
    const { actors, node } = await startNode(Counter);
    const [one, two] = [await actors.get('a'), await actors.get('a')];
    one.release();
    one.release();
    await sleep(5);
    expect(node.residents).toBe(1);
    two.release();
    await until(() => node.residents === 0);
    expect(await one.add(1)).toBe(1);
    await node.stop();
  });

  it('commands given while the actor is loaded again are done in the order in which they were given', async () => {
    const { actors, node } = await startNode(Counter, { passivateAfterMs: 40 });
    const counter = await actors.get('a');
    await until(() => node.residents === 0);
    const notes: Promise<void>[] = [];
    for (let i = 0; i < 20; i += 1) {
      notes.push(counter.note(String(i)));
      await Promise.resolve();
    }
    await Promise.all(notes);
    expect(counter.state.log).toEqual(notes.map((_, i) => String(i)));
    await node.stop();
  });

  it('keeps no more than residentMax, however many are visited', async () => {
    const { actors, node } = await startNode(Counter, { residentMax: 100 });
    let most = 0;
    for (let i = 0; i < 20_000; i += 1) {
      await actors.get(`a${i}`);
      most = Math.max(most, node.residents);
    }
    expect(most).toBeLessThanOrEqual(101);
    expect(node.residents).toBeGreaterThan(50);
    await node.stop();
  });

  it('loads an actor once for all who ask at the same time', async () => {
    Guest.hooks = [];
    const { actors, node } = await startNode(Guest);
    await Promise.all(Array.from({ length: 10 }, () => actors.get('many')));
    expect(Guest.hooks).toEqual(['activate many 0']);
    await node.stop();
  });
});

describe('hooks', () => {
  it('run as turns of their own, and may fire', async () => {
    Guest.hooks = [];
    const { actors, node } = await startNode(Guest);
    const guest = await actors.get('g');
    expect(guest.state).toEqual({ visits: 1, stays: 0 });
    guest.release();
    await until(() => node.residents === 0);
    expect(await node.parts.engine.streamVersion('g')).toBe(2);
    expect((await actors.get('g')).state).toEqual({ visits: 2, stays: 1 });
    expect(Guest.hooks).toEqual(['activate g 0', 'passivate g', 'activate g 1']);
    await node.stop();
    expect(await node.parts.engine.streamVersion('g').catch(() => 'closed')).toBe('closed');
  });

  it('a command that comes while onPassivate runs is done, and the actor stays', async () => {
    Guest.hooks = [];
    const { actors, node } = await startNode(Guest);
    const guest = await actors.get('g');
    guest.release();
    expect(await guest.stay()).toBe(1);
    await sleep(10);
    expect(Guest.hooks.filter((hook) => hook.startsWith('activate'))).toHaveLength(1);
    await node.stop();
  });

  it('a failing onPassivate is logged and keeps nobody; a failing onActivate fails the loading', async () => {
    const errors: string[] = [];
    const log = { warn: () => {}, error: (message: string) => errors.push(message) };
    const { actors, node } = await startNode(Guest, { log });
    const guest = await actors.get('g');
    Guest.failing = true;
    guest.release();
    await until(() => node.residents === 0);
    Guest.failing = false;
    expect(errors.join()).toContain("Guest 'g': onPassivate failed");
    @Actor()
    class Refuses extends LiveActor<object, object> {
      initialState() {
        return {};
      }
      override onActivate(): void {
        throw new Error('not today');
      }
    }
    const refusing = await startNode(Refuses);
    await expect(refusing.actors.get('r')).rejects.toThrow('not today');
    expect(refusing.node.residents).toBe(0);
    await refusing.node.stop();
    await node.stop();
  });

  it('shutdown runs onPassivate for everybody and waits for what it fires', async () => {
    Guest.hooks = [];
    const { actors, node } = await startNode(Guest);
    await Promise.all(['a', 'b', 'c'].map((id) => actors.get(id)));
    const gone = firstValueFrom(node.subscriptions.stream$('a').pipe(skip(1)));
    await node.stop();
    expect((await gone).name).toBe('went');
    expect(Guest.hooks.filter((hook) => hook.startsWith('passivate')).sort()).toEqual([
      'passivate a',
      'passivate b',
      'passivate c',
    ]);
  });

  it('forgets for good what ended while a sweep waited for its turn of the event loop', async () => {
    let turns = 0;
    class Turning extends VirtualEnvironment {
      override setImmediate(call: () => void): void {
        super.setImmediate(() => {
          turns += 1;
          if (turns === 1) residents.remove(activation);
          call();
        });
      }
    }
    const environment = new Turning(1);
    const residents = new Residents({ residentMax: 10, commitTimeoutMs: 1_000 }, environment);
    const activation = { alive: true, used: true, idle: true, settled: true } as Activation;
    residents.add(activation, { passivateAfterMs: 40, passivate: async () => {} });
    await environment.run(() => environment.now() >= 500);
    residents.close();
    expect(turns).toBeGreaterThan(0);
    expect(residents.size).toBe(0);
  });
});
