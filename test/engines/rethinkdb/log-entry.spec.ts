import { describe, expect, it } from '@jest/globals';
import { Batch, type PlacedCommit, packEntry, unpackEntry } from '../../../lib/engines/rethinkdb/commits/log-entry.js';

const commit = (stream: string): PlacedCommit => ({
  stream,
  first: 3,
  count: 2,
  event: `of ${stream}`,
  names: ['a', '"'],
});

describe('an entry of the log', () => {
  it.each([
    ['one batch', [['s1']]],
    ['several', [['s1', 's2'], ['s3']]],
    ['a batch in which nothing was stored before the others', [[], ['s1']]],
    ['between them', [['s1'], [], ['s2', 's3']]],
    ['after them', [['s1'], []]],
    ['streams of any name', [['],['], ['"', '\u2028', ',']]],
  ])('has all of %s, in order', (_, streams) => {
    const batches = streams.map((ids, i) => new Batch(`b${i}`, ids.map(commit)));
    const count = 2 * streams.flat().length;
    const document = packEntry(7, count, batches);
    expect(unpackEntry(JSON.parse(JSON.stringify(document)))).toEqual({
      id: 7,
      count,
      batches: batches.map(({ id }) => id),
      commits: streams.flat().map(commit),
    });
  });
});
