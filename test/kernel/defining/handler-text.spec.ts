import { describe, expect, it } from '@jest/globals';
import { Actor, EventHandler, LiveActor } from 'omniscient-nest';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';

interface State {
  cents: number;
}
interface Events {
  paid: { cents: number };
}

/** What tracing and logging libraries do to a method: the same text, whatever is inside. */
function Wrapped() {
  return (_prototype: object, _name: string, descriptor: PropertyDescriptor): PropertyDescriptor => {
    const original = descriptor.value as (...args: unknown[]) => unknown;
    return {
      ...descriptor,
      value(this: unknown, ...args: unknown[]) {
        return original.apply(this, args);
      },
    };
  };
}

/** The same, with the name of what is inside. */
function WrappedByName() {
  return (_prototype: object, name: string, descriptor: PropertyDescriptor): PropertyDescriptor => {
    const original = descriptor.value as (...args: unknown[]) => unknown;
    const named = {
      [name](this: unknown, ...args: unknown[]) {
        return original.apply(this, args);
      },
    };
    return { ...descriptor, value: named[name] };
  };
}

/** A class with one handler, which these decorators stand above, the first one highest. */
function account(
  decorators: readonly ((p: object, n: string, d: PropertyDescriptor) => unknown)[],
  factor: 1 | 100,
  options = {},
) {
  class Once extends LiveActor<State, Events> {
    initialState() {
      return { cents: 0 };
    }
    paid({ cents }: Events['paid']) {
      this.state.cents += cents;
    }
  }
  class Hundredfold extends LiveActor<State, Events> {
    initialState() {
      return { cents: 0 };
    }
    paid({ cents }: Events['paid']) {
      this.state.cents += 100 * cents;
    }
  }
  const actorClass = factor === 1 ? Once : Hundredfold;
  for (const decorate of [...decorators].reverse()) {
    const before = Object.getOwnPropertyDescriptor(actorClass.prototype, 'paid') as PropertyDescriptor;
    const after = decorate(actorClass.prototype, 'paid', before);
    if (after) Object.defineProperty(actorClass.prototype, 'paid', after as PropertyDescriptor);
  }
  Actor({ name: 'Account', ...options })(actorClass);
  return defineActor(actorClass);
}

const handler = EventHandler('paid') as (p: object, n: string, d: PropertyDescriptor) => unknown;

describe('what past events mean', () => {
  it.each([
    ['alone', []],
    ['wrapped', [Wrapped()]],
    ['wrapped by name', [WrappedByName()]],
    ['wrapped twice', [Wrapped(), WrappedByName()]],
  ])('changes with the code of a handler that is %s', (_how, above) => {
    expect(account([...above, handler], 100).meaning).not.toBe(account([...above, handler], 1).meaning);
    expect(account([...above, handler], 1).meaning).toBe(account([...above, handler], 1).meaning);
  });

  it.each([
    ['wrapped', Wrapped()],
    ['wrapped by name', WrappedByName()],
    [
      'bound',
      (_p: object, _n: string, d: PropertyDescriptor) => ({ ...d, value: (d.value as () => void).bind(undefined) }),
    ],
    ['behind a proxy', (_p: object, _n: string, d: PropertyDescriptor) => ({ ...d, value: new Proxy(d.value, {}) })],
    ['an arrow function', (_p: object, _n: string, d: PropertyDescriptor) => ({ ...d, value: () => {} })],
  ])('cannot be seen where a handler was %s before it was decorated: that is refused', (_how, below) => {
    expect(() => account([handler, below], 1)).toThrow(
      expect.objectContaining({ code: 'HANDLER_HIDDEN', message: expect.stringContaining('Account.paid') }),
    );
  });

  it('is for those to say who name a revision, or make no snapshots', () => {
    const revised = (revision: number) => account([handler, Wrapped()], 1, { revision }).meaning;
    expect(revised(1)).not.toBe(revised(2));
    expect(() => account([handler, Wrapped()], 1, { snapshotEvery: 0 })).not.toThrow();
  });

  it('is seen in methods however they are declared', () => {
    class Odd extends LiveActor<State, Record<'a' | 'b c' | 'd' | 'e', object>> {
      initialState() {
        return { cents: 0 };
      }
      a() {}
      'b c'() {}
      // biome-ignore format: as somebody may have written it
      d  /* odd */ (_data: object) {}
      get f() {
        return 1;
      }
    }
    Actor()(Odd);
    for (const name of ['a', 'b c', 'd']) {
      EventHandler(name as 'a')(
        Odd.prototype as never,
        name,
        Object.getOwnPropertyDescriptor(Odd.prototype, name) as never,
      );
    }
    expect(defineActor(Odd).meaning).toContain('b c');
  });
});
