import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const MAIN = '.build/bench/main.js';

interface Figure {
  bench: string;
  n: number;
  perSecond: number;
  floorPerSecond: number;
  ratio: number;
  peakRssMb: number;
  pairs?: number;
  appendsEach?: number;
  readsEach?: number;
}

function expectWhole(figure: Figure): void {
  for (const value of [figure.perSecond, figure.floorPerSecond, figure.ratio, figure.peakRssMb])
    expect(value).toBeGreaterThan(0);
  expect(figure.ratio).toBeCloseTo(figure.perSecond / figure.floorPerSecond, 2);
}

async function figuresOf(...args: string[]): Promise<Figure[]> {
  const { stdout } = await run(process.execPath, [MAIN, ...args]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Figure);
}

describe('the benchmarks, tiny', () => {
  beforeAll(() => {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run 'npm run build' first (npm test does)`);
  });

  it.each([
    ['command', '500'],
    ['hot', '500'],
    ['rehydrate', '500'],
    ['live', '10'],
    ['tail', '5000'],
    ['fanout', '192'],
  ])('%s prints its figures as lines of JSON, with a floor of the same run', async (name, n) => {
    const figures = await figuresOf(name, '--n', n);
    expect(figures).toHaveLength(1);
    expect(figures[0]).toMatchObject({ bench: name, n: name === 'fanout' ? Number(n) * 1_000 : Number(n) });
    for (const figure of figures) expectWhole(figure);
  });

  it('react prints both ways to listen, by one pair of actors and by many: they share appends and read nothing again', async () => {
    const figures = await figuresOf('react', '--n', '1200');
    expect(figures.map(({ bench, pairs }) => [bench, pairs])).toEqual([
      ['react', 1],
      ['react-called', 1],
      ['react', 100],
      ['react-called', 100],
    ]);
    for (const figure of figures) expectWhole(figure);
    // One actor's: 64 callers' events in one append, and the reactions to them in another.
    for (const { appendsEach } of figures.slice(0, 2)) expect(appendsEach).toBeLessThan(0.5);
    for (const { bench, readsEach } of figures) expect(readsEach).toBeLessThan(bench === 'react' ? 0.5 : 1);
  });

  it('loop-hold prints how long each kind of work held the event loop', async () => {
    const figures = await figuresOf('loop-hold', '--n', '3000');
    const works = ['load', 'load-many', 'replay', 'audit', 'iterate', 'follow', 'close'];
    expect(figures.map(({ bench }) => bench)).toEqual(works.map((work) => `loop-hold-${work}`));
    for (const figure of figures)
      expect(figure).toMatchObject({ holdMs: expect.any(Number), holdCpuMs: expect.any(Number) });
  });

  it('resident prints bytes and visits', async () => {
    const figures = await figuresOf('resident', '--n', '10000');
    expect(figures.map(({ bench }) => bench)).toEqual(['resident-idle', 'resident', 'resident-visits']);
    expect(figures[1]).toMatchObject({ n: 10_000, bytesEach: expect.any(Number) });
  });

  it('an unknown name, engine or number says what there is', async () => {
    for (const args of [
      [],
      ['nothing'],
      ['command', '--engine', 'punchcards'],
      ['command', '--n', 'many'],
      ['toString'],
    ]) {
      await expect(run(process.execPath, [MAIN, ...args])).rejects.toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining(
          'command, hot, rehydrate, live, resident, real-log, ticks, react, tail, fanout, loop-hold',
        ),
      });
    }
  });
});
