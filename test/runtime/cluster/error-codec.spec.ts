import { describe, expect, it } from '@jest/globals';
import { ActorOverloadedError, ConflictError as LibraryConflict, OmniscientError } from 'omniscient-nest';
import * as errors from '../../../lib/kernel/values/errors.js';
import { FAILURES_MAX } from '../../../lib/kernel/values/thrown.js';
import { type ErrorClass, ErrorCodec } from '../../../lib/runtime/cluster/error-codec.js';
import { HOSTILE } from '../../support/hostile-errors.js';

/** As a user may call it who does not know of ours. */
const { ConflictError } = (() => {
  class ConflictError extends Error {
    readonly seat = 3;
  }
  return { ConflictError };
})();

class PaymentError extends OmniscientError {}

/** From a node with these classes to one with the same. */
function travel(error: unknown, classes: ErrorClass[] = []): Error {
  return new ErrorCodec(classes).decode(new ErrorCodec(classes).encode(error)) as Error;
}

describe('an error on its way from one node to another', () => {
  it("is the library's if it was, with its code", () => {
    for (const classes of [[], [ConflictError]]) {
      const arrived = travel(new LibraryConflict('others came first'), classes);
      expect(arrived).toBeInstanceOf(LibraryConflict);
      expect(arrived).not.toBeInstanceOf(ConflictError);
      expect(arrived).toMatchObject({ code: 'CONFLICT', retryable: true, message: 'others came first' });
    }
    expect(travel(new ActorOverloadedError('Desk', 'd', 1))).toBeInstanceOf(ActorOverloadedError);
  });

  it('has its class, whichever of the library it is', () => {
    const classes = Object.values(errors).filter((each) => each.prototype instanceof Error);
    expect(classes.length).toBeGreaterThan(10);
    for (const each of classes) {
      const error = Reflect.construct(Error, ['it failed'], each) as Error;
      expect(travel(error).constructor).toBe(each);
    }
  });

  it("is not taken for the library's because its class has the same name", () => {
    const arrived = travel(new ConflictError('the seat is taken'));
    expect(arrived).not.toBeInstanceOf(LibraryConflict);
    expect(arrived).toMatchObject({ name: 'ConflictError', message: 'the seat is taken', seat: 3 });
    expect(travel(new ConflictError('taken'), [ConflictError])).toBeInstanceOf(ConflictError);
    const cause = travel(new Error('outer', { cause: new ConflictError('inner') })).cause;
    expect(cause).not.toBeInstanceOf(LibraryConflict);
    expect(cause).toMatchObject({ name: 'ConflictError', seat: 3 });
  });

  it("stays one of the library's kind if its own class is not known where it arrives", () => {
    const arrived = travel(new PaymentError('NO_MONEY', 'not enough', { retryable: true }));
    expect(arrived).toBeInstanceOf(OmniscientError);
    expect(arrived).toMatchObject({ name: 'PaymentError', code: 'NO_MONEY', retryable: true });
    expect(travel(new PaymentError('NO_MONEY', 'not enough'), [PaymentError])).toBeInstanceOf(PaymentError);
  });

  it('is read by its name if an older node sent it, which says no more', () => {
    const { library: _, ...old } = JSON.parse(new ErrorCodec().encode(new LibraryConflict('others came first')));
    expect(new ErrorCodec().decode(JSON.stringify(old))).toBeInstanceOf(LibraryConflict);
    expect(travel(new TypeError('not like this'))).toBeInstanceOf(TypeError);
  });
});

describe('what else is thrown', () => {
  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a bigint', 10n],
    ['a text', 'no'],
    ['a text that looks like JSON', '{"a":1}'],
    ['a number', 5],
    ['a plain object', { status: 503, of: ['a', null] }],
  ])('%s arrives as it was', (_, value) => {
    expect(travel(value)).toEqual(value);
    expect(travel(new Error('outer', { cause: { value } })).cause).toEqual(
      value === undefined ? {} : typeof value === 'bigint' ? expect.any(String) : { value },
    );
  });

  it('an AbortError, as Node throws it, keeps name, code and cause', () => {
    const why = new DOMException('too slow', { name: 'TimeoutError', cause: new TypeError('inner') } as never);
    const arrived = travel(new Error('outer', { cause: why })).cause as DOMException;
    expect(arrived).toBeInstanceOf(DOMException);
    expect(arrived).toMatchObject({ name: 'TimeoutError', message: 'too slow', code: why.code });
    expect(arrived.cause).toBeInstanceOf(TypeError);
    expect(arrived.stack).toBe(why.stack);
  });

  it('an AggregateError keeps what it gathers, over two hops', () => {
    const gathered = new AggregateError([new RangeError('one'), { two: 2 }, 3n], 'all failed');
    const arrived = travel(travel(gathered)) as AggregateError;
    expect(arrived).toBeInstanceOf(AggregateError);
    expect(arrived.errors[0]).toBeInstanceOf(RangeError);
    expect(arrived.errors.slice(1)).toEqual([{ two: 2 }, 3n]);
  });

  it('a name and a bigint of an error arrive', () => {
    const named = Object.defineProperty(Object.assign(new Error('text'), { row: 7n }), 'name', { value: 'RowError' });
    expect(travel(travel(named))).toMatchObject({ name: 'RowError', message: 'text', row: 7n });
  });

  it.each(Object.keys(HOSTILE))('%s arrives, in some form', (name) => {
    const arrived = travel(HOSTILE[name]?.());
    expect(() => travel(new Error('outer', { cause: HOSTILE[name]?.() }))).not.toThrow();
    if (name !== 'undefined') expect(arrived).toBeDefined();
  });

  it('is of limited size, however much there is', () => {
    const many = () =>
      new AggregateError(
        Array.from({ length: 1_000 }, () => new Error('x'.repeat(100_000))),
        'many',
      );
    const wide = Object.assign(new AggregateError([many(), many()], 'wide'), { text: 'y'.repeat(1_000_000) });
    let deep: Error = wide;
    for (let i = 0; i < 100; i += 1) deep = new Error(`cause ${i}`, { cause: deep });
    for (const error of [wide, deep]) {
      expect(new ErrorCodec().encode(error).length).toBeLessThan(FAILURES_MAX * 20_000 + 100_000);
    }
  });
});
