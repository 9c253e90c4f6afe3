import { describe, expect, it } from '@jest/globals';
import { Actor, EventHandler, LiveActor, OneActor, TickActor } from 'omniscient-nest';
import { type ActorBase, type ActorContext, bindContext } from '../../../lib/kernel/declaring/actor.js';
import type { OnConflict } from '../../../lib/kernel/declaring/marks.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { ActorState } from '../../../lib/kernel/folding/actor-state.js';
import { OptimisticState, type PendingCommit } from '../../../lib/kernel/folding/optimistic-state.js';
import { heardText } from '../../../lib/kernel/framework/heard-note.js';
import type { EventRecord, NewEvent } from '../../../lib/kernel/values/event.js';

interface Sums {
  added: { n: number };
}

@Actor()
class Live extends LiveActor<{ sum: number }, Sums> {
  initialState() {
    return { sum: 0 };
  }
  @EventHandler() added({ n }: Sums['added']) {
    this.state.sum += n;
  }
}

@Actor()
class Led extends OneActor<{ sum: number }, Sums> {
  initialState() {
    return { sum: 0 };
  }
  @EventHandler() added({ n }: Sums['added']) {
    this.state.sum += n;
  }
}

@Actor()
class Ticking extends TickActor<{ sum: number }, Sums> {
  initialState() {
    return { sum: 0 };
  }
  @EventHandler() added({ n }: Sums['added']) {
    this.state.sum += n;
  }
}

type Kind = new () => ActorBase<object, object>;
let ids = 0;

function event(name: string, data: object, actor: string, heard = ''): NewEvent {
  const metadata = JSON.stringify({ at: '2026-01-01T00:00:00.000Z', actor, firedBy: { nodeId: 'n' } });
  return { id: `e${++ids}`, name, data: JSON.stringify(data), metadata: `${metadata.slice(0, -1)}${heard}}` };
}

const add = (actor: string) => event('added', { n: 1 }, actor);
const record = (each: NewEvent, version: number): EventRecord => ({ ...each, streamId: 's', version, position: 0 });

/** A state with a pending commit of each sort, and the turn of another command open; `isStale` belongs to the one that reacts. */
function pendingOf(kind: Kind, isStale: () => boolean) {
  const definition = defineActor(kind as never);
  const actor = new kind();
  const actorState = new ActorState(definition, actor, 's');
  bindContext(actor, {
    get state() {
      return actorState.tree.view;
    },
  } as ActorContext);
  const state = new OptimisticState<PendingCommit>(actorState);
  const seal = (onConflict: OnConflict, more: Partial<PendingCommit> = {}) => {
    state.open();
    state.fire(add(definition.name));
    return state.seal(onConflict, false, (pending) => ({ ...pending, ...more }));
  };
  const commits = [seal('reject'), seal('rerun'), seal('reapply', { isStale }), seal('reapply')];
  state.open();
  state.fire(add(definition.name));
  return { state, commits, sum: () => (actorState.tree.view as { sum: number }).sum };
}

const note = heardText({ listener: 'onSaid', source: 'ann', at: 7 });
const framework = (actor: string): [string, NewEvent][] => [
  ['$heard', event('$heard', { actor, listener: 'onSaid', source: 'ann', at: 7 }, actor)],
  ['what a reaction fired', event('unheardOf', {}, actor, note)],
  ['$listening', event('$listening', { actor, listener: 'onSaid', begin: [], end: ['ann'] }, actor)],
  ['$parked', event('$parked', { actor, listener: 'onSaid', source: 'ann', at: 7, id: 'p' }, actor)],
  ['$unparked', event('$unparked', { actor, id: 'p', outcome: 'retried' }, actor)],
  ['$answered', event('$answered', { actor, key: 'k', answer: 1 }, actor)],
];
const others: [string, NewEvent][] = [
  ...framework('Other'),
  ['$answered to another node', event('$answered', { answer: 1 }, 'Other')],
  ['$partly', event('$partly', {}, 'Other')],
  ['$ticking', event('$ticking', { everyMs: 10, count: null }, 'Other')],
  ['tick', event('tick', { n: 1, missed: 0 }, 'Other')],
];
const kinds: Kind[] = [Live, Led, Ticking];

describe("the framework's events of another class on the stream", () => {
  const cases = kinds.flatMap((kind) => others.map(([name, each]) => [name, kind.name, kind, each] as const));
  it.each(cases)('%s neither fails a command nor makes one run again (%s)', (_name, _kind, kind, each) => {
    const { state, commits, sum } = pendingOf(kind, () => true);
    expect(state.rebase([record(each, 1)])).toEqual({ rejected: [], failed: [], held: [] });
    expect(state.pending).toEqual(commits);
    expect(state.openTurn).toMatchObject({ touched: false, doubted: false });
    expect([sum(), state.version]).toEqual([5, 1]);
  });

  it.each(kinds)('what a reaction of it fired is an event like any other where this class handles it (%p)', (kind) => {
    const { state, commits, sum } = pendingOf(kind, () => true);
    const handled = event('added', { n: 1 }, 'Other', note);
    const [rejecting, rerunning, reacting, later] = commits;
    expect(state.rebase([record(handled, 1)])).toEqual({
      rejected: [rejecting],
      failed: [],
      held: [rerunning, reacting, later],
    });
    expect(sum()).toBe(2);
  });

  it('$leader does neither where nobody leads', () => {
    const { state, commits } = pendingOf(Live, () => true);
    expect(state.rebase([record(event('$leader', { nodeId: 'n', term: 1 }, 'Other'), 1)]).held).toEqual([]);
    expect(state.pending).toEqual(commits);
  });
});

describe("the framework's events of the same class, from another node", () => {
  const cases = kinds.flatMap((kind) =>
    framework(kind.name).map(([name, each]) => [name, kind.name, kind, each] as const),
  );

  it.each(cases)('%s changes nothing where nothing is wrong because of it (%s)', (_name, _kind, kind, each) => {
    const { state, commits, sum } = pendingOf(kind, () => false);
    expect(state.rebase([record(each, 1)])).toEqual({ rejected: [], failed: [], held: [] });
    expect(state.pending).toEqual(commits);
    expect(state.openTurn).toMatchObject({ touched: false, doubted: true });
    expect(sum()).toBe(5);
  });

  it.each(cases)('%s holds what is wrong now, and what came after that (%s)', (_name, _kind, kind, each) => {
    const { state, commits, sum } = pendingOf(kind, () => true);
    const [rejecting, rerunning, reacting, later] = commits;
    expect(state.rebase([record(each, 1)])).toEqual({ rejected: [], failed: [], held: [reacting, later] });
    expect(state.pending).toEqual([rejecting, rerunning]);
    expect(state.openTurn).toMatchObject({ touched: true });
    expect(sum()).toBe(3);
  });

  it.each([
    ['$leader', Led, event('$leader', { nodeId: 'n', term: 1 }, 'Led')],
    ['$ticking', Ticking, event('$ticking', { everyMs: 10, count: null }, 'Ticking')],
    ['tick', Ticking, event('tick', { n: 1, missed: 0 }, 'Ticking')],
  ] as [string, Kind, NewEvent][])('%s has all decided anew', (_name, kind, each) => {
    const { state, commits } = pendingOf(kind, () => false);
    const [rejecting, rerunning, reacting, later] = commits;
    const rebased = { rejected: [rejecting], failed: [], held: [rerunning, reacting, later] };
    expect(state.rebase([record(each, 1)])).toEqual(rebased);
    expect(state.openTurn).toMatchObject({ touched: true });
  });
});
