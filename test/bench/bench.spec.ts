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
  ])(
    '%s prints its figures as lines of JSON, with a floor of the same run',
    async (name, n) => {
      const figures = await figuresOf(name, '--n', n);
      expect(figures).toHaveLength(1);
      expect(figures[0]).toMatchObject({ bench: name, n: Number(n) });
      for (const figure of figures) {
        for (const value of [figure.perSecond, figure.floorPerSecond, figure.ratio, figure.peakRssMb])
          expect(value).toBeGreaterThan(0);
        expect(figure.ratio).toBeCloseTo(figure.perSecond / figure.floorPerSecond, 2);
      }
    },
    60_000,
  );

  it('resident prints bytes and visits', async () => {
    const figures = await figuresOf('resident', '--n', '10000');
    expect(figures.map(({ bench }) => bench)).toEqual(['resident-idle', 'resident', 'resident-visits']);
    expect(figures[1]).toMatchObject({ n: 10_000, bytesEach: expect.any(Number) });
  }, 60_000);

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
        stderr: expect.stringContaining('command, hot, rehydrate, live, resident, real-log'),
      });
    }
  });
});
