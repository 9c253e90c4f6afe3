import { describe, expect, it } from '@jest/globals';
import { HandlerError } from '../../../lib/kernel/values/errors.js';
import {
  FAILURE_DEPTH_MAX,
  FAILURES_MAX,
  isError,
  isInstance,
  MESSAGE_LENGTH_MAX,
  messageOf,
  nameOf,
  reasonOf,
  STACK_LENGTH_MAX,
  type StoredFailure,
  storedFailure,
  traceOf,
} from '../../../lib/kernel/values/thrown.js';
import { HOSTILE } from '../../support/hostile-errors.js';

describe('what is said of something that was thrown', () => {
  it.each(Object.keys(HOSTILE))('%s has a text', (name) => {
    const thrown = HOSTILE[name] as () => unknown;
    for (const say of [messageOf, nameOf, reasonOf, traceOf]) {
      expect(typeof say(thrown())).toBe('string');
      expect(typeof say(new Error('outer', { cause: thrown() }))).toBe('string');
      expect(typeof say(Object.assign(new Error('text'), { message: thrown() }))).toBe('string');
    }
    expect(typeof isError(thrown())).toBe('boolean');
    expect(isInstance(thrown(), HandlerError)).toBe(false);
    expect(() => JSON.stringify(storedFailure(thrown()))).not.toThrow();
    const where = { actor: 'A', streamId: 's', event: 'e', version: 1 };
    expect(new HandlerError(where, thrown()).message).toContain("handler of 'e' failed");
  });

  it('shows plain data instead of [object Object]', () => {
    expect(messageOf(Object.assign(Object.create(null), { status: 503 }))).toBe('{"status":503}');
    expect(messageOf({ of: [1n, 'a', new TypeError('inner')] })).toBe('{"of":[1,"a",TypeError: inner]}');
    const round: { self?: unknown } = {};
    round.self = round;
    expect(messageOf(round)).toContain('…');
    expect(messageOf({ toString: () => 'its own' })).toBe('its own');
  });

  it('is the message, or the name where there is none', () => {
    expect(messageOf(new TypeError('text'))).toBe('text');
    expect(messageOf(new TypeError())).toBe('TypeError');
    expect(messageOf({ message: 'like one' })).toBe('like one');
    expect([undefined, null, 10n, 'text', 0].map(messageOf)).toEqual(['undefined', 'null', '10', 'text', '0']);
  });

  it('keeps names, codes and causes, and what is gathered', () => {
    const timeout = new DOMException('too slow', 'TimeoutError');
    const outer = new AggregateError([timeout, { code: 'NO', cause: 5n }, undefined], 'all', {
      cause: Object.assign(new Error('db'), { code: 1205 }),
    });
    const { stack: _, ...failure } = storedFailure(outer);
    expect(failure).toMatchObject({
      name: 'AggregateError',
      message: 'all',
      cause: { name: 'Error', message: 'db', code: '1205' },
      errors: [
        { name: 'TimeoutError', message: 'too slow', code: String(timeout.code) },
        { name: 'object', code: 'NO', cause: { name: 'bigint', message: '5' } },
        { name: 'undefined', message: 'undefined' },
      ],
    });
    expect(reasonOf(outer)).toContain('TimeoutError: too slow');
    expect(reasonOf(outer)).toContain('Error: db');
    expect(traceOf(outer)).toContain('[cause] Error: db');
  });

  it('is of limited size, however much there is', () => {
    const big = () => Object.assign(new Error('x'.repeat(100_000)), { stack: 'y'.repeat(100_000) });
    const many = () => new AggregateError(Array.from({ length: 1_000 }, big), 'many', { cause: big() });
    const all = storedFailure(new AggregateError([many(), many(), many()], 'all'));
    expect(countOf(all)).toBeLessThanOrEqual(FAILURES_MAX);
    expect(JSON.stringify(all).length).toBeLessThan(FAILURES_MAX * (MESSAGE_LENGTH_MAX + STACK_LENGTH_MAX + 100));
    let deep: Error = new Error('deepest');
    for (let i = 0; i < 1_000; i += 1) deep = new Error('outer', { cause: deep });
    expect(countOf(storedFailure(deep))).toBe(FAILURE_DEPTH_MAX);
  });

  it('is cut between characters', () => {
    const { message } = storedFailure(new Error(`${'x'.repeat(MESSAGE_LENGTH_MAX - 1)}😀`));
    expect(encodeURIComponent(message)).toContain('%E2%80%A6');
  });
});

function countOf({ cause, errors = [] }: StoredFailure): number {
  return 1 + (cause ? countOf(cause) : 0) + errors.reduce((sum, each) => sum + countOf(each), 0);
}
