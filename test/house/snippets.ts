/**
 * The code that documentation shows, taken out of it so that it can be compiled and run.
 *
 * On a page of Markdown every fenced block marked `ts` is code. The blocks of one page are one program: each goes on where the
 * one before it ended, so that a later block may use what an earlier one declared. A block whose first line is a comment that
 * names a file, `// user.ts`, begins that file (or goes on with it), and so does all that follows until another block names
 * another file; blocks import each other's files as modules, `./user.js`. What a reader need not see but the compiler must goes
 * into a comment: `<!-- ts`, lines of code, `-->`. There is no way to leave a `ts` block out; what is not TypeScript is marked
 * otherwise.
 *
 * A file that calls `it(` is a test, and is run. Test runners bring `it` along; it may also be imported from `node:test`.
 * A test whose name begins with `says` shows a failure: it has to fail, with the words of the page's next block marked `text`
 * that begins with `Given` or `SimulationError`.
 *
 * In a docstring every fenced `ts` block is a program of its own, complete with its imports.
 *
 * Every line keeps its line number, so that what the compiler says about README/page.ts(120,5) is on line 120 of the README.
 */
export interface Snippet {
  /** The file's name inside the folder of its page. */
  readonly file: string;
  readonly source: string;
}

const MARKDOWN_OPENING = /^(?:```ts\s*|<!-- ts)$/;
const MARKDOWN_CLOSING = /^(?:```|-->)\s*$/;
const FILE_NAME = /^\/\/ ([a-z0-9][a-z0-9.-]*\.ts)\b/;

/** The programs of a Markdown page. */
export function snippetsOfPage(markdown: string): Snippet[] {
  const files = new Map<string, string[]>();
  let file = 'page.ts';
  for (const { firstLine, lines } of blocksOf(markdown.split('\n'))) {
    file = FILE_NAME.exec(lines[0] ?? '')?.[1] ?? file;
    const before = files.get(file) ?? [];
    files.set(file, [...before, ...Array<string>(firstLine - before.length).fill(''), ...lines]);
  }
  return [...files].map(([name, lines]) => ({ file: name, source: lines.join('\n') }));
}

/** The programs in the docstrings of a source file. */
export function snippetsOfDocstrings(source: string): Snippet[] {
  const lines = source.split('\n').map((line) => /^\s*\* ?(.*)$/.exec(line)?.[1] ?? '');
  return blocksOf(lines).map(({ firstLine, lines: code }) => ({
    file: `line-${firstLine}.ts`,
    source: [...Array<string>(firstLine).fill(''), ...code].join('\n'),
  }));
}

/** Whether a file has tests. */
export function isTest({ source }: Snippet): boolean {
  return /^\s*it\(/m.test(source);
}

/** What a page says that its failing tests say. */
export function failuresOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```text\n(?:SimulationError: (?=seed))?((?:Given|seed).*?)\n```$/gms)].map(
    ([, text]) => text as string,
  );
}

/** Fenced blocks, in order, each with the number of lines above its first one. */
function blocksOf(lines: readonly string[]): { firstLine: number; lines: string[] }[] {
  const blocks: { firstLine: number; lines: string[] }[] = [];
  let from: number | undefined;
  lines.forEach((line, i) => {
    if (from === undefined) {
      if (MARKDOWN_OPENING.test(line)) from = i + 1;
    } else if (MARKDOWN_CLOSING.test(line)) {
      blocks.push({ firstLine: from, lines: lines.slice(from, i) });
      from = undefined;
    }
  });
  if (from !== undefined) throw new Error(`The block that begins on line ${from} is never closed`);
  return blocks;
}
