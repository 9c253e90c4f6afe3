import type { Rewrite } from './simulated-driver.js';
import { type Ast, isTerm, TERM } from './terms.js';

/** Changes every table in a query. */
function tablesOf(ast: Ast, change: (name: string, options: object) => object): Ast {
  if (!isTerm(ast)) return ast;
  const [term, args, options] = ast;
  if (term === TERM.TABLE) return [term, args, change(args[1] as string, options ?? {})];
  return [term, args.map((each) => tablesOf(each, change)), ...(options ? [options] : [])];
}

/** Queries that are not what they should be. */
export const SABOTAGES: Readonly<Record<string, Rewrite>> = {
  'commits are read from their primary alone': (ast) =>
    tablesOf(ast, (name, options) => (name === 'commits' ? {} : options)),
  'the log is read from its primary alone': (ast) => tablesOf(ast, (name, options) => (name === 'log' ? {} : options)),
};
