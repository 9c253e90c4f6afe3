import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { AppendRequest, AppendResult } from '../../../lib/engine/duties/append.js';
import { type BatchWriter, GroupCommit } from '../../../lib/engine/writing/group-commit.js';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import { gate } from '../../support/one-cluster.js';
import { someEvents } from '../reading/flaky-engine.js';

const request = (streamId: string, events = 1): AppendRequest => ({
  streamId,
  expectedVersion: 0,
  events: someEvents(events),
});
const appended: AppendResult = { kind: 'appended', version: 1 };
const conflict: AppendResult = { kind: 'conflict', version: 3, events: [] };

/** A writer that notes the batches it gets, as stream names, and stores them. */
function noting(batches: string[][], result: (streamId: string) => AppendResult = () => appended): BatchWriter {
  return (requests) => {
    batches.push(requests.map(({ streamId }) => streamId));
    return requests.map(({ streamId }) => result(streamId));
  };
}

describe('GroupCommit', () => {
  it('writes what is asked for at the same time in one batch, in order', async () => {
    const batches: string[][] = [];
    const commits = new GroupCommit(noting(batches));
    const results = await Promise.all(['a', 'b', 'c'].map((id) => commits.append(request(id))));
    expect(batches).toEqual([['a', 'b', 'c']]);
    expect(results).toEqual([appended, appended, appended]);
  });

  it('collects what comes while a batch is being written for the next, and never writes two at once', async () => {
    const batches: string[][] = [];
    const held = gate();
    let writing = 0;
    const commits = new GroupCommit(async (requests) => {
      expect((writing += 1)).toBe(1);
      await held.passed;
      writing -= 1;
      return noting(batches)(requests);
    });
    const first = commits.append(request('a'));
    while (writing === 0) await sleep(0);
    const others = ['b', 'c', 'd'].map((id) => commits.append(request(id)));
    await sleep(5);
    held.open();
    await Promise.all([first, ...others]);
    expect(batches).toEqual([['a'], ['b', 'c', 'd']]);
  });

  it('gives a conflict to whom it concerns, and the others what they asked for', async () => {
    const commits = new GroupCommit(noting([], (streamId) => (streamId === 'b' ? conflict : appended)));
    expect(await Promise.all(['a', 'b', 'c'].map((id) => commits.append(request(id))))).toEqual([
      appended,
      conflict,
      appended,
    ]);
  });

  it('keeps within its limits of events and of length, but writes what is larger alone', async () => {
    const batches: string[][] = [];
    const byEvents = new GroupCommit(noting(batches), { batchEventsMax: 5 });
    await Promise.all([3, 2, 1, 9, 1, 4].map((events, i) => byEvents.append(request(`${i}:${events}`, events))));
    expect(batches).toEqual([['0:3', '1:2'], ['2:1'], ['3:9'], ['4:1', '5:4']]);

    batches.length = 0;
    const long = (streamId: string, length: number): AppendRequest => ({
      ...request(streamId),
      events: [{ id: streamId, name: 'n', data: 'x'.repeat(length), metadata: '' }],
    });
    const byLength = new GroupCommit(noting(batches), { batchLengthMax: 100 });
    await Promise.all([60, 40, 10, 500, 90].map((length) => byLength.append(long(`${length}`, length))));
    expect(batches).toEqual([['60', '40'], ['10'], ['500'], ['90']]);
  });

  it('refuses at once what its queue has no room for, and takes more when there is room again', async () => {
    const commits = new GroupCommit(noting([]), { queueMax: 2 });
    const accepted = [commits.append(request('a')), commits.append(request('b'))];
    await expect(commits.append(request('c'))).rejects.toMatchObject({ code: 'ENGINE_OVERLOADED', retryable: true });
    expect(await Promise.all(accepted)).toEqual([appended, appended]);
    expect(await commits.append(request('c'))).toEqual(appended);
  });

  it('fails the whole batch with an error after which all may be tried again', async () => {
    const batches: string[][] = [];
    const full = new EngineError('DISK_FULL', 'full', { retryable: true });
    let failing = true;
    const commits = new GroupCommit((requests) => {
      if (failing) throw full;
      return noting(batches)(requests);
    });
    const settled = await Promise.allSettled(['a', 'b'].map((id) => commits.append(request(id))));
    expect(settled.map((each) => each.status === 'rejected' && each.reason)).toEqual([full, full]);
    failing = false;
    expect(await commits.append(request('a'))).toEqual(appended);
    expect(batches).toEqual([['a']]);
  });

  it('does not try singly what may be stored', async () => {
    let writes = 0;
    const commits = new GroupCommit(async () => {
      writes += 1;
      throw new EngineError('GONE', 'no answer', { outcomeUnknown: true });
    });
    await Promise.allSettled(['a', 'b', 'c'].map((id) => commits.append(request(id))));
    expect(writes).toBe(1);
  });

  it('tries singly what may fail because of one only, and fails that one', async () => {
    const batches: string[][] = [];
    const commits = new GroupCommit(async (requests) => {
      if (requests.some(({ streamId }) => streamId === 'bad')) throw new EngineError('EVENT_TOO_LARGE', 'too large');
      return noting(batches)(requests);
    });
    const settled = await Promise.allSettled(['a', 'bad', 'c'].map((id) => commits.append(request(id))));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(batches).toEqual([['a'], ['c']]);
  });

  it('does not leave anybody waiting when the writer gives too few results', async () => {
    const commits = new GroupCommit(() => [appended]);
    const settled = await Promise.allSettled(['a', 'b'].map((id) => commits.append(request(id))));
    for (const each of settled) {
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'ENGINE_FAULT', outcomeUnknown: true } });
    }
  });

  it('says when everything accepted is settled', async () => {
    let written = 0;
    const commits = new GroupCommit(
      async (requests) => {
        await sleep(2);
        written += requests.length;
        return requests.map(() => appended);
      },
      { batchEventsMax: 2 },
    );
    await commits.drained();
    for (let i = 0; i < 7; i += 1) void commits.append(request(`${i}`));
    await commits.drained();
    expect(written).toBe(7);
  });
});
