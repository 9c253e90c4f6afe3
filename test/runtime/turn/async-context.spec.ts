import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventHandler, Projection } from 'omniscient-nest';
import { eventually } from '../../support/eventually.js';
import { MemoryCluster } from '../../support/memory-cluster.js';
import { Book, Guest, LedBook, Lively, ran, runs, runsOf, tenant } from '../../support/visitors.js';

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
  runs.length = 0;
});
afterEach(() => cluster.stop());

@Projection()
class Signatures {
  @EventHandler() signed() {
    ran('projected');
  }
}

describe('a command runs in the context of whoever gave it', () => {
  it('when it has to wait behind another', async () => {
    const { actors } = await cluster.start();
    const book = await actors(Book).get('book');
    await Promise.all([
      tenant.run('ann', () => book.signSlowly('ann')),
      tenant.run('bob', () => book.sign('bob')),
      tenant.run('cid', () => book.fail('cid').catch(() => {})),
      tenant.run('dee', () => book.signSlowly('dee')),
      book.signSlowly('nobody'),
      tenant.run('eve', () => book.sign('eve')),
    ]);
    expect(runs).toEqual([
      { what: 'signSlowly ann', for: 'ann' },
      { what: 'sign bob', for: 'bob' },
      { what: 'fail cid', for: 'cid' },
      { what: 'signSlowly dee', for: 'dee' },
      { what: 'signSlowly nobody', for: null },
      { what: 'sign eve', for: 'eve' },
    ]);
  });

  it('when it is decided anew, whoever else waits by then', async () => {
    const [one, two] = [await cluster.start(), await cluster.start()];
    const [here, there] = [await one.actors(Book).get('book'), await two.actors(Book).get('book')];
    await Promise.all([
      tenant.run('zoe', () => there.sign('zoe')),
      tenant.run('zoe', () => there.once('key').sign('with a key')),
      tenant.run('ann', () => here.signOnce('ann')),
      tenant.run('ann', () => here.once('key').sign('with a key')),
      tenant.run('bob', () => here.sign('bob')),
    ]);
    expect(runsOf('signOnce ann')).toEqual(['ann', 'ann']);
    // The second run of ann's finds zoe's answer.
    expect(runsOf('sign with a key')).toEqual(['zoe', 'ann']);
    expect(runsOf('sign bob')).toEqual(['bob']);
  });

  it('when its actor has to be loaded again first', async () => {
    const { node, actors } = await cluster.start({ passivateAfterMs: 20 });
    const book = await actors(Book).get('book');
    await eventually(() => node.residents === 0);
    await Promise.all([
      tenant.run('ann', () => book.sign('ann')),
      tenant.run('bob', () => book.signSlowly('bob')),
      tenant.run('cid', () => book.sign('cid')),
    ]);
    expect(runs.map((run) => run.for)).toEqual(['ann', 'bob', 'cid']);
  });

  it('on the leader that has to be elected first; and in none on another node', async () => {
    const [one, two] = [await cluster.start(), await cluster.start()];
    const here = await one.actors(LedBook).get('book');
    const there = await two.actors(LedBook).get('book');
    await Promise.all([
      tenant.run('ann', () => here.signSlowly('ann')),
      tenant.run('bob', () => here.sign('bob')),
      tenant.run('cid', () => here.signSlowly('cid')),
    ]);
    await Promise.all([
      tenant.run('zoe', () => there.sign('zoe')),
      tenant.run('dee', () => here.signSlowly('dee')),
      tenant.run('yan', () => there.signSlowly('yan')),
    ]);
    for (const who of ['ann', 'cid', 'dee']) expect(runsOf(`signSlowly ${who}`)).toEqual([who]);
    expect(runsOf('sign bob')).toEqual(['bob']);
    expect([...runsOf('sign zoe'), ...runsOf('signSlowly yan')]).toEqual([null, null]);
    expect(runsOf('onActivate, led')).toEqual([null]);
  });
});

describe('a subscriber is told in the context in which it subscribed', () => {
  it('of states and events, whoever brings them about, and of the end', async () => {
    const { node, actors } = await cluster.start();
    const books = actors(Book);
    const watch = (who: string) =>
      tenant.run(who, () => {
        const told = (what: string) => ({ next: () => ran(what), complete: () => ran(`${what} end`) });
        books.state$('book').subscribe(told(`state$ ${who}`));
        books.events$('book').subscribe(told(`events$ ${who}`));
        node.subscriptions.stream$('book').subscribe(told(`stream$ ${who}`));
        node.subscriptions.named$(['signed']).subscribe(told(`named$ ${who}`));
        node.subscriptions.all$().subscribe(told(`all$ ${who}`));
      });
    watch('ann');
    watch('bob');
    const book = await books.get('book');
    await tenant.run('cid', () => book.sign('one'));
    await eventually(() => runsOf('all$ bob').length === 1);
    await tenant.run('dee', () => book.signSlowly('two'));
    await eventually(() => ['ann', 'bob'].every((who) => runsOf(`all$ ${who}`).length === 2));
    await tenant.run('eve', () => cluster.stop());
    for (const who of ['ann', 'bob']) {
      for (const what of ['state$', 'events$', 'stream$', 'named$', 'all$']) {
        expect(new Set(runsOf(`${what} ${who}`))).toEqual(new Set([who]));
        expect(runsOf(`${what} ${who} end`)).toEqual([who]);
      }
    }
  });
});

describe('what has no caller runs in no context', () => {
  it('ticks, reactions, projections and hooks, whoever brought them about', async () => {
    const { node, actors } = await cluster.start();
    const books = actors(Book);
    actors(Guest);
    node.projections.add(Signatures, new Signatures());
    await tenant.run('ann', () => node.begin());
    await tenant.run('ann', async () => {
      const lively = await actors(Lively).get('one');
      await lively.begin();
      await (await books.get('book')).sign('ann');
      lively.release();
    });
    await eventually(() =>
      ['tick', 'heard in code', 'heard by name', 'projected'].every((what) => runsOf(what).length > 0),
    );
    await eventually(() => runsOf('tick').length === 2);
    await tenant.run('bob', () => cluster.stop());
    expect(runsOf('onPassivate').length).toBeGreaterThan(0);
    const own = runs.filter(({ what }) => what !== 'sign ann');
    expect(own.filter((run) => run.for !== null)).toEqual([]);
  });
});
