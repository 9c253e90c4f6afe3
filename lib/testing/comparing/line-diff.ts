import { inspect } from 'node:util';
import { isPlainObject, PLAIN_DATA_DEPTH_MAX } from '../../kernel/values/index.js';
import { type Comparison, type Difference, isAsymmetricMatcher } from './comparison.js';
import { isKindMatcher } from './kinds.js';

/**
 * Returns a comparison as lines: `-` for what was expected, `+` for the actual value. Long stretches without a
 * difference are left out.
 */
export function lineDiff(comparison: Comparison): string {
  return withoutLongStretches(linesOf(comparison, '', '')).join('\n');
}

/** Longest value within a sentence, in characters. */
const SHORT_LENGTH_MAX = 100;
/** Longest text shown whole in a diff, in characters. */
const STRING_LENGTH_MAX = 2_000;
/** Lines without a difference that are shown before and after a difference. */
const CONTEXT_LINES = 3;
/** Longest stretch of such lines that is shown whole. */
const STRETCH_LINES_MAX = 2;
/** Widest line on which nested data is printed, in characters. */
const LINE_LENGTH_MAX = 100;

type Sign = ' ' | '-' | '+';

/** Returns a difference as a sentence. @param isExact what is expected is not a matcher, even if it looks like one. */
export function sentenceOf({ path, comparison }: Difference, isExact = false): string {
  switch (comparison.is) {
    case 'missing':
      return `${path} is missing: it ${should(comparison.expected, isExact)}`;
    case 'unexpected':
      return `${path} should not be there: it is ${short(comparison.actual)}`;
    default:
      return `${path} is ${short(comparison.actual)}, but ${should(comparison.expected, isExact)}`;
  }
}

/** Returns a value on one line, cut if it is long. */
export function short(value: unknown, lengthMax = SHORT_LENGTH_MAX): string {
  const text = inspect(presentable(value), {
    depth: 4,
    breakLength: Number.POSITIVE_INFINITY,
    maxStringLength: lengthMax,
  });
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
}

function should(expected: unknown, isExact: boolean): string {
  const isMatcher = !isExact && (isKindMatcher(expected) || isAsymmetricMatcher(expected));
  return `should ${isMatcher ? 'match' : 'be'} ${short(expected)}`;
}

function linesOf(comparison: Comparison, label: string, indent: string): string[] {
  switch (comparison.is) {
    case 'same':
      return signed(' ', comparison.actual, label, indent);
    case 'missing':
      return signed('-', comparison.expected, label, indent);
    case 'unexpected':
      return signed('+', comparison.actual, label, indent);
    case 'other':
      return [...signed('-', comparison.expected, label, indent), ...signed('+', comparison.actual, label, indent)];
    default: {
      const [open, close] = comparison.is === 'array' ? ['[', ']'] : ['{', '}'];
      const inner = comparison.parts.flatMap((part) => linesOf(part.comparison, labelOf(part.key), `${indent}  `));
      return [`  ${indent}${label}${open}`, ...inner, `  ${indent}${close}${indent === '' ? '' : ','}`];
    }
  }
}

function signed(sign: Sign, value: unknown, label: string, indent: string): string[] {
  const options = {
    depth: null,
    breakLength: LINE_LENGTH_MAX,
    maxStringLength: STRING_LENGTH_MAX,
    maxArrayLength: null,
  };
  const lines = inspect(presentable(value), options).split('\n');
  const end = indent === '' ? '' : ',';
  return lines.map((line, i) => `${sign} ${indent}${i === 0 ? label : ''}${line}${i === lines.length - 1 ? end : ''}`);
}

function labelOf(key: string | number): string {
  if (typeof key === 'number') return '';
  return `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : inspect(key)}: `;
}

/** Returns a copy in which a runner's matchers print as the runner prints them. */
function presentable(value: unknown, depth = 0): unknown {
  if (isAsymmetricMatcher(value)) return new Described(describeMatcher(value));
  if (depth > PLAIN_DATA_DEPTH_MAX || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => presentable(item, depth + 1));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, presentable(inner, depth + 1)]));
}

class Described {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  [inspect.custom](): string {
    return this.#text;
  }
}

function describeMatcher(matcher: object): string {
  const { toAsymmetricMatcher } = matcher as { toAsymmetricMatcher?: unknown };
  return typeof toAsymmetricMatcher === 'function' ? String(toAsymmetricMatcher.call(matcher)) : String(matcher);
}

function withoutLongStretches(lines: readonly string[]): string[] {
  const differs = lines.map((line) => !line.startsWith(' '));
  const near = lines.map((_, i) => differs.slice(Math.max(i - CONTEXT_LINES, 0), i + CONTEXT_LINES + 1).includes(true));
  const shown: string[] = [];
  for (let i = 0; i < lines.length; ) {
    if (near[i]) {
      shown.push(lines[i] as string);
      i += 1;
      continue;
    }
    const next = near.indexOf(true, i);
    const end = next === -1 ? lines.length : next;
    const stretch = lines.slice(i, end);
    shown.push(...(stretch.length <= STRETCH_LINES_MAX ? stretch : [`  … ${stretch.length} lines that are the same`]));
    i = end;
  }
  return shown;
}
