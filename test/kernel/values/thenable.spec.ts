import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { disown, isThenable, promiseOf, whenThere } from '../../../lib/kernel/values/thenable.js';

/** A query builder: its work begins when it is waited for. */
function builder(answer: unknown, log: string[] = []) {
  const query = () => {};
  return Object.assign(query, {
    // biome-ignore lint/suspicious/noThenProperty: that is what they have.
    then(resolve: (value: unknown) => void) {
      log.push('run');
      resolve(answer);
      // Some call it twice.
      resolve('again');
    },
  });
}

describe('what a promise is', () => {
  it('is decided by then(): also of other realms, other libraries, and functions', () => {
    const own = Promise.resolve();
    const foreign = runInNewContext('Promise.resolve(1)');
    for (const value of [own, foreign, builder(1), new Proxy(builder(1), {})]) {
      expect(isThenable(value)).toBe(true);
      expect(promiseOf(value)).toBeInstanceOf(Promise);
    }
    // biome-ignore lint/suspicious/noThenProperty: data may be called that.
    for (const value of [undefined, null, 1, 'then', {}, [], () => {}, { then: 'later' }]) {
      expect(isThenable(value)).toBe(false);
      expect(promiseOf(value)).toBeUndefined();
    }
  });

  it('begins its work once, at once, and takes the first answer', async () => {
    const log: string[] = [];
    const query = builder(builder(7), log);
    expect(isThenable(query)).toBe(true);
    expect(log).toEqual([]);
    const promise = promiseOf(query);
    expect(log).toEqual(['run']);
    expect(await promise).toBe(7);
    expect(log).toEqual(['run']);
  });

  it('rejects for whatever is wrong with it', async () => {
    const getter = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
      get then() {
        throw new Error('look away');
      },
    };
    const throwing = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
      then() {
        throw new Error('not today');
      },
    };
    await expect(promiseOf(getter)).rejects.toThrow('look away');
    await expect(promiseOf(throwing)).rejects.toThrow('not today');
    await expect(promiseOf(new Proxy(Promise.resolve(1), {}))).rejects.toThrow(TypeError);
  });

  it('whenThere goes on at once where nothing has to be waited for', async () => {
    expect(whenThere(1, (n) => [n])).toEqual([1]);
    const later = whenThere(builder(2), (n) => [n]);
    expect(later).toBeInstanceOf(Promise);
    expect(await later).toEqual([2]);
  });

  it('disown keeps a promise of any realm from ending the process, and begins nothing', async () => {
    const log: string[] = [];
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listen);
    disown(Promise.reject(new Error('own')));
    disown(runInNewContext('Promise.reject(1)'));
    disown(builder(1, log));
    disown(undefined);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listen);
    expect([unhandled, log]).toEqual([[], []]);
  });
});
