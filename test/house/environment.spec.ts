import { describe, expect, it } from '@jest/globals';
import { filesBelow, readSource } from './source-files.js';

/** The one file that asks the machine. Everything else takes what it needs from the `Environment` that its node was given. */
const MACHINE = 'lib/engine/environment/system-environment.ts';
/** What it is asked for; types only. */
const QUESTIONS = 'lib/engine/environment/environment.ts';

/** Time, timers, turns of the event loop, randomness and ids, as the machine has them. */
const ASKS_THE_MACHINE: readonly RegExp[] = [
  /\bDate\.now\b/,
  /\bnew Date\(\)/,
  /\bperformance\b/,
  /\bprocess\.(hrtime|nextTick|uptime)\b/,
  /(?<![.#\w])(setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|clearImmediate|queueMicrotask)\b/,
  /\bMath\.random\b/,
  /\b(randomUUID|randomBytes|getRandomValues)\b/,
  /\bAbortSignal\.timeout\b/,
  /'node:(timers|timers\/promises|perf_hooks)'/,
];

describe('The library', () => {
  const files = filesBelow('lib').filter((file) => file.endsWith('.ts') && file !== MACHINE && file !== QUESTIONS);

  it('asks the machine for time, timers, ids, randomness or a turn of the event loop in one file only', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap((file) => asked(file, readSource(file)))).toEqual([]);
  });

  it.each([
    'const at = Date.now();',
    'const at = new Date();',
    'const ms = performance.now();',
    'setTimeout(look, 5);',
    'const timer = setInterval(look, 5);',
    'await new Promise(setImmediate);',
    'queueMicrotask(look);',
    'const share = Math.random();',
    "import { setTimeout } from 'node:timers';",
    "import { randomUUID } from 'node:crypto';",
    'process.nextTick(look);',
  ])('would be found out: %s', (line) => {
    expect(asked('lib/x.ts', line)).toHaveLength(1);
  });

  it.each([
    'this.#environment.setTimeout(look, 5);',
    'const text = new Date(ms).toISOString();',
    '// Math.random() would do as well.',
    ' * Longer than setTimeout can wait.',
  ])('may say: %s', (line) => {
    expect(asked('lib/x.ts', line)).toEqual([]);
  });
});

/** Lines that ask the machine, as `file:line text`. */
function asked(file: string, source: string): string[] {
  return source.split('\n').flatMap((line, i) => {
    if (/^\s*(\/\/|\*|\/\*)/.test(line)) return [];
    // Whoever is an environment answers these questions.
    if (/^ {2}\w+\(.*\): [\w<>| ]+ \{$/.test(line)) return [];
    return ASKS_THE_MACHINE.some((asking) => asking.test(line)) ? [`${file}:${i + 1} ${line.trim()}`] : [];
  });
}
