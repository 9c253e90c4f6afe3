import { PositionLog } from '../../../lib/engines/rethinkdb/commits/position-log.js';
import { Sweeper } from '../../../lib/engines/rethinkdb/commits/sweeper.js';
import type { Reql } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { DuplicateNames } from '../../../lib/engines/rethinkdb/schema/duplicate-names.js';
import { LayoutMark } from '../../../lib/engines/rethinkdb/schema/layout-mark.js';
import { type Ast, type Document, isTerm, TERM } from './terms.js';

/** A fault put into the engine, or back into it: what it sends, what it is told, what its parts do. */
export interface Sabotage {
  /** What a query is made to before it is sent. */
  readonly rewrite?: (ast: Ast) => Ast;
  /** What an error is taken for. */
  readonly mistake?: (error: unknown) => unknown;
  /** Changes parts of the engine. @returns what undoes it. */
  readonly patch?: () => () => void;
  /** What a node does before it opens its engine. */
  readonly prepare?: (
    run: (query: (r: Reql) => unknown) => Promise<unknown>,
    sleep: (ms: number) => Promise<void>,
  ) => Promise<void>;
}

export const SABOTAGES = {
  'commits are read from their primary alone': { rewrite: (ast) => tablesOf(ast, 'commits') },
  'the log is read from its primary alone': { rewrite: (ast) => tablesOf(ast, 'log') },
  'what cannot be known is taken for refused': { mistake: refused },
  'a commit takes the place of another': {
    rewrite: (ast) => insertsOf(ast, 'commits', (documents) => documents, { conflict: 'replace' }),
  },
  'nothing is announced': {
    rewrite: (ast) =>
      insertsOf(ast, 'commits', (documents) => documents.filter(({ id }) => !String(id).startsWith(':'))),
  },
  'what is in doubt is forgotten': { patch: () => patched(Sweeper.prototype, 'doubt', () => {}) },
  'what is in doubt is not announced again': {
    patch: () => patched(Sweeper.prototype, 'announceDoubts', async () => {}),
  },
  'what is sent again belongs to another batch': {
    patch: () => patched(Sweeper.prototype, 'doubtOf', () => undefined),
  },
  'what has a place is placed again': { patch: () => patched(PositionLog.prototype, 'placed', async () => new Map()) },
  'tables are made where a server does not list them, and of two the one with the lower id stays': {
    prepare: asInTheBeginning,
    patch: () => {
      const undo = [
        patched(LayoutMark.prototype, 'isSet', async () => true),
        patched(DuplicateNames.prototype, 'drop', async () => {}),
      ];
      return () => {
        for (const each of undo) each();
      };
    },
  },
} satisfies Readonly<Record<string, Sabotage>>;

/** Reads this table as if no mode had been asked for. */
function tablesOf(ast: Ast, name: string): Ast {
  if (!isTerm(ast)) return ast;
  const [term, args, options] = ast;
  if (term === TERM.TABLE) return args[1] === name ? [term, args] : ast;
  return [term, args.map((each) => tablesOf(each, name)), ...(options ? [options] : [])];
}

function insertsOf(ast: Ast, name: string, change: (documents: Document[]) => Document[], more: object = {}): Ast {
  if (!isTerm(ast) || ast[0] !== TERM.INSERT) return ast;
  const [term, [table, documents], options] = ast;
  if (!isTerm(table) || table[1][1] !== name || !isTerm(documents)) return ast;
  const given = JSON.parse(documents[1][0] as string) as Document[];
  // What stands in the same table and is no commit stays as it is.
  if (!given.some((document) => 'stream' in document)) return ast;
  return [term, [table, [TERM.JSON, [JSON.stringify(change(given))]]], { ...options, ...more }];
}

function refused(error: unknown): unknown {
  const { name, msg } = error as { name: string; msg: string };
  return name === 'ReqlOpIndeterminateError' ? { name: 'ReqlOpFailedError', msg } : error;
}

function patched(prototype: object, method: string, instead: (...values: never[]) => unknown): () => void {
  const methods = prototype as Record<string, unknown>;
  const was = methods[method];
  methods[method] = instead;
  return () => {
    methods[method] = was;
  };
}

const TABLES = ['commits', 'log', 'schedules', 'checkpoints', 'snapshots', 'nodes', 'messages'];

/** How tables were made until nobody wrote before a mark said that they are complete. */
async function asInTheBeginning(
  run: (query: (r: Reql) => unknown) => Promise<unknown>,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  const unlessThere = (query: (r: Reql) => unknown) => run(query).catch(() => undefined);
  const databases = (await run((r) => r.dbList())) as string[];
  if (!databases.includes('omniscient')) await unlessThere((r) => r.dbCreate('omniscient'));
  const there = (await run((r) => r.db('omniscient').tableList())) as string[];
  const missing = TABLES.filter((name) => !there.includes(name));
  await Promise.all(missing.map((name) => unlessThere((r) => r.db('omniscient').tableCreate(name))));
  if (missing.length > 0) await sleep(300);
  const all = (await run((r) =>
    r.db('rethinkdb').table('table_config').filter({ db: 'omniscient' }).pluck('id', 'name').coerceTo('array'),
  )) as Document[];
  const seen = new Set<unknown>();
  for (const { id, name } of all.sort((a, b) => (a.id < b.id ? -1 : 1))) {
    if (seen.has(name)) await unlessThere((r) => r.db('rethinkdb').table('table_config').get(id).delete());
    seen.add(name);
  }
}
