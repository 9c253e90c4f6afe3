/** Texts that some store would not give back as they were, or would take for another: refused wherever a text is kept. */
export const UNFIT_TEXTS: readonly (readonly [text: string, what: string])[] = [
  ['', 'is empty'],
  ['a\0b', 'holds a NUL'],
  ['\ud800', 'half of a surrogate pair'],
  ['a\udc00b', 'half of a surrogate pair'],
  ['\udc00\ud800', 'half of a surrogate pair'],
  ['x'.repeat(10_000), 'characters, and at most'],
];

/** What is no text, though it may look like one. */
export const NO_TEXTS: readonly unknown[] = [7, true, { toString: () => 'a' }, Symbol('a'), () => 'a'];

/** Texts that are odd, and kept as they are. */
export const ODD_TEXTS: readonly string[] = [
  ' ',
  '\n',
  '%00',
  '..',
  '../x',
  '__proto__',
  'constructor',
  "'; DROP TABLE events; --",
  '\u{1f600}',
  'e\u0301',
  '\u00e9',
  '\u202ea',
  '\ufeffa',
  '\ufffd',
  '\uffff',
  'a$',
];
