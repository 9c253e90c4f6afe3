import { describe, expect, it } from '@jest/globals';
import { ActorOverloadedError, ConflictError as LibraryConflict, OmniscientError } from 'omniscient-nest';
import { type ErrorClass, ErrorCodec } from '../../lib/runtime/cluster/error-codec.js';

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
