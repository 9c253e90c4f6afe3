import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WakeTable } from '../../../lib/engine/reading/wake-table.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';

const event = (streamId: string, version: number): EventRecord => ({
  id: `${streamId}${version}`,
  streamId,
  version,
  position: version,
  name: 'n',
  data: '{}',
  metadata: '{}',
});

describe('WakeTable', () => {
  it('gives each watcher the events that concern it, in order', () => {
    const table = new WakeTable();
    const heard: string[] = [];
    const hear = (who: string) => (events: readonly EventRecord[]) =>
      heard.push(`${who}: ${events.map(({ id }) => id).join(' ')}`);
    table.addStream('a', hear('a'));
    table.addStream('b', hear('b'));
    table.addStream('c', hear('c'));
    table.addAll(hear('all'));
    table.wake([event('a', 1), event('b', 1), event('a', 2)]);
    expect(heard).toEqual(['a: a1 a2', 'b: b1', 'all: a1 b1 a2']);
  });

  it('counts two watches with one function as two, and stops each once', () => {
    const table = new WakeTable();
    let wakes = 0;
    const wake = () => (wakes += 1);
    const unwatch = table.addStream('a', wake);
    table.addStream('a', wake);
    expect(table.size).toBe(2);
    unwatch();
    unwatch();
    expect(table.size).toBe(1);
    table.wake([event('a', 1)]);
    expect(wakes).toBe(1);
  });

  it('does not wake a watcher that another one stopped in the same wake-up, nor one that came during it', () => {
    const table = new WakeTable();
    const heard: string[] = [];
    table.addStream('a', () => {
      heard.push('first');
      stopSecond();
      table.addStream('a', () => heard.push('new'));
    });
    const stopSecond = table.addStream('a', () => heard.push('second'));
    table.wake([event('a', 1)]);
    expect(heard).toEqual(['first']);
  });

  it('keeps nothing of a stream that nobody watches any more', () => {
    const table = new WakeTable();
    let wakes = 0;
    const first = table.addStream('a', () => (wakes += 1));
    first();
    const second = table.addStream('a', () => (wakes += 1));
    first();
    table.wake([event('a', 1)]);
    expect([wakes, table.size]).toEqual([1, 1]);
    second();
    expect(table.size).toBe(0);
  });

  describe('when a watcher throws', () => {
    const warnings: unknown[] = [];
    const emitWarning = process.emitWarning;
    beforeEach(() => {
      process.emitWarning = (warning: unknown) => void warnings.push(warning);
    });
    afterEach(() => {
      process.emitWarning = emitWarning;
    });

    it('wakes the others all the same, and says so', () => {
      const table = new WakeTable();
      const fault = new Error('broken promise');
      let wakes = 0;
      table.addStream('a', () => {
        throw fault;
      });
      table.addStream('a', () => (wakes += 1));
      table.addAll(() => (wakes += 1));
      table.wake([event('a', 1)]);
      expect(wakes).toBe(2);
      expect(warnings).toEqual([fault]);
    });
  });
});
