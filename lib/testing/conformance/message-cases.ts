import assert from 'node:assert/strict';
import { type ConformanceCase, eventually, pause } from './kit/index.js';

/** How long to wait for what must not come. Milliseconds. */
const SILENCE_MS = 150;

export const messageCases: readonly ConformanceCase[] = [
  {
    duty: 'messages',
    name: 'brings messages to the node they are for, in order and unchanged, from other nodes and from itself',
    async run(engines) {
      const [one, other] = await engines(2);
      assert.ok(other);
      const [a, b]: [string[], string[]] = [[], []];
      await one.receive('a', (texts) => a.push(...texts));
      await other.receive('b', (texts) => b.push(...texts));
      const odd = ['', '"quoted" \\ \n', 'жук 😀', 'x'.repeat(1_000_000)];
      await other.send(odd.map((text) => ({ to: 'a', text })));
      await other.send([
        { to: 'b', text: 'to myself' },
        { to: 'a', text: 'last' },
      ]);
      await one.send([{ to: 'b', text: 'across' }]);
      await eventually('all messages', () => a.length >= 5 && b.length >= 2);
      assert.deepEqual(a, [...odd, 'last']);
      assert.deepEqual([...b].sort(), ['across', 'to myself']);
    },
  },
  {
    duty: 'messages',
    name: 'brings a thousand messages of several senders, each in its order',
    async run(engines) {
      const [receiver, ...senders] = await engines(3);
      const got: string[] = [];
      await receiver.receive('r', (texts) => got.push(...texts));
      await Promise.all(
        senders.map(async (sender, s) => {
          for (let i = 0; i < 50; i += 1)
            await sender.send(Array.from({ length: 10 }, (_, k) => ({ to: 'r', text: `${s}:${i * 10 + k}` })));
        }),
      );
      await eventually('a thousand messages', () => got.length >= 1_000, 10_000);
      for (const s of [0, 1]) {
        const own = got.filter((text) => text.startsWith(`${s}:`));
        assert.deepEqual(
          own,
          Array.from({ length: 500 }, (_, i) => `${s}:${i}`),
        );
      }
    },
  },
  {
    duty: 'messages',
    name: 'delivers soon, and never from inside a call of send',
    async run(engines) {
      const [engine] = await engines();
      let sending = false;
      let inside = false;
      let count = 0;
      await engine.receive('a', () => {
        inside ||= sending;
        count += 1;
      });
      for (let i = 0; i < 20; i += 1) {
        sending = true;
        const sent = engine.send([{ to: 'a', text: 'x' }]);
        sending = false;
        await sent;
        await eventually('the message', () => count === i + 1, 900);
      }
      assert.equal(inside, false);
    },
  },
  {
    duty: 'messages',
    name: 'drops messages without a receiver, without an error, and gives a new receiver no old ones',
    async run(engines) {
      const [one, other] = await engines(2);
      assert.ok(other);
      await one.send([{ to: 'nobody', text: 'x' }]);
      await one.send([]);
      const first: string[] = [];
      const stop = await one.receive('a', (texts) => first.push(...texts));
      await other.send([{ to: 'a', text: 'old' }]);
      await eventually('the old message', () => first.length === 1);
      stop();
      stop();
      await other.send([{ to: 'a', text: 'between' }]);
      await pause(SILENCE_MS);
      const second: string[] = [];
      await one.receive('a', (texts) => second.push(...texts));
      await other.send([{ to: 'a', text: 'new' }]);
      await eventually('the new message', () => second.includes('new'));
      await pause(SILENCE_MS);
      assert.deepEqual(first, ['old']);
      assert.deepEqual(second, ['new']);
    },
  },
];
