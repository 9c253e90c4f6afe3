import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { CallQueue, type WaitingCall } from '../../../lib/runtime/cluster/call-queue.js';
import { eventually } from '../../support/eventually.js';

/** So long that a busy machine cannot use up a noticeable part of it. */
const SILENT_AFTER_MS = 1_200;

/** A queue, and when each of its calls was given up. */
function newQueue() {
  const silentAtMs = new Map<string, number>();
  const names = new Map<number, string>();
  const queue = new CallQueue(SILENT_AFTER_MS, (call) => {
    silentAtMs.set(names.get(call.call) as string, performance.now());
    queue.remove(call, false);
  });
  let emptied = 0;
  queue.onEmpty = () => {
    emptied += 1;
  };
  const add = (name: string): WaitingCall => {
    const call = names.size + 1;
    names.set(call, name);
    return queue.add(call, 'n1', () => {});
  };
  return { queue, add, silentAtMs, emptied: () => emptied };
}

describe('CallQueue', () => {
  it('gives up what gets no reply, oldest first, and ends its timer with the last', async () => {
    const { add, silentAtMs, emptied } = newQueue();
    const beganMs = performance.now();
    for (const id of ['a', 'b', 'c']) add(id);
    await eventually(() => emptied() === 1);
    expect([...silentAtMs.keys()]).toEqual(['a', 'b', 'c']);
    for (const atMs of silentAtMs.values()) expect(atMs - beganMs).toBeGreaterThanOrEqual(SILENT_AFTER_MS - 2);
  });

  it('lets a reply renew the wait of what was sent later', async () => {
    const { queue, add, silentAtMs } = newQueue();
    const [, first, , second] = ['zero', 'first', 'third', 'second', 'last'].map((name) => add(name));
    await sleep(SILENT_AFTER_MS / 2);
    const firstRepliedMs = performance.now();
    queue.remove(first as WaitingCall, true);
    await sleep(SILENT_AFTER_MS / 4);
    const secondRepliedMs = performance.now();
    queue.remove(second as WaitingCall, true);
    await eventually(() => silentAtMs.has('last'));
    expect([...silentAtMs.keys()]).toEqual(['zero', 'third', 'last']);
    expect(silentAtMs.get('third')).toBeGreaterThanOrEqual(firstRepliedMs + SILENT_AFTER_MS - 2);
    expect(silentAtMs.get('last')).toBeGreaterThanOrEqual(secondRepliedMs + SILENT_AFTER_MS - 2);
  });

  it('lets no reply renew the wait of what was sent before', async () => {
    const { queue, add, silentAtMs } = newQueue();
    add('lost');
    // Each is answered long before the next is sent, for as long as it takes.
    await eventually(() => {
      queue.remove(add('later'), true);
      return silentAtMs.has('lost');
    });
    expect([...silentAtMs.keys()]).toEqual(['lost']);
  });

  it('passes on what was heard through calls that are gone', async () => {
    const { queue, add, silentAtMs } = newQueue();
    const calls = Array.from({ length: 6 }, (_, i) => add(`c${i}`));
    await sleep(SILENT_AFTER_MS / 2);
    const repliedMs = performance.now();
    queue.remove(calls[0] as WaitingCall, true);
    // Given up for other reasons: nothing is heard of them.
    for (const call of calls.slice(1, 5)) queue.remove(call, false);
    await eventually(() => silentAtMs.has('c5'));
    expect(silentAtMs.get('c5')).toBeGreaterThanOrEqual(repliedMs + SILENT_AFTER_MS - 2);
  });
});
