/** Terms of ReQL that the engine uses, by their numbers on the wire. */
export const TERM = {
  MAKE_ARRAY: 2,
  VAR: 10,
  IMPLICIT_VAR: 13,
  DB: 14,
  TABLE: 15,
  GET: 16,
  EQ: 17,
  GT: 21,
  PLUCK: 33,
  FILTER: 39,
  ORDER_BY: 41,
  DISTINCT: 42,
  COUNT: 43,
  UNION: 44,
  COERCE_TO: 51,
  UPDATE: 53,
  DELETE: 54,
  REPLACE: 55,
  INSERT: 56,
  DB_CREATE: 57,
  DB_LIST: 59,
  TABLE_CREATE: 60,
  TABLE_LIST: 62,
  BRANCH: 65,
  AND: 67,
  FUNC: 69,
  LIMIT: 71,
  ASC: 73,
  DESC: 74,
  INDEX_CREATE: 75,
  INDEX_LIST: 77,
  GET_ALL: 78,
  IS_EMPTY: 86,
  DEFAULT: 92,
  JSON: 98,
  INDEX_WAIT: 140,
  CHANGES: 152,
  ARGS: 154,
  BRACKET: 170,
  WAIT: 177,
  MINVAL: 180,
  MAXVAL: 181,
  BETWEEN: 182,
} as const;

/** A term as it goes over the wire, `[number, arguments, options]`, or plain data. */
export type Ast = unknown;
export type TermAst = readonly [term: number, args: readonly Ast[], options?: Readonly<Record<string, Ast>>];

export function isTerm(ast: Ast): ast is TermAst {
  return Array.isArray(ast);
}

export interface Document {
  readonly id: string | number;
  readonly [field: string]: unknown;
}

/** What a query ends with when it fails, as the driver gives it. */
export class ReqlError extends Error {
  readonly msg: string;

  constructor(name: string, msg: string) {
    super(msg);
    this.name = name;
    this.msg = msg;
  }
}

/** The least and the greatest of all keys. */
export const LEAST = Symbol('minval');
export const GREATEST = Symbol('maxval');
export type Bound = string | number | typeof LEAST | typeof GREATEST;

/** Numbers come before texts. */
export function compare(one: Bound, other: Bound): number {
  if (one === other) return 0;
  if (one === LEAST || other === GREATEST) return -1;
  if (one === GREATEST || other === LEAST) return 1;
  if (typeof one !== typeof other) return typeof one === 'number' ? -1 : 1;
  return one < other ? -1 : 1;
}

const MISSING = new ReqlError('ReqlNonExistenceError', 'there is no such field');

/** Names of the variables of a function, and the row. */
export interface Scope {
  readonly row?: unknown;
  readonly vars?: ReadonlyMap<number, unknown>;
}

/** Works out what a term says that reads nothing but the row it is asked of. */
export function pure(ast: Ast, scope: Scope): unknown {
  if (!isTerm(ast)) {
    if (ast === null || typeof ast !== 'object') return ast;
    return Object.fromEntries(Object.entries(ast).map(([name, each]) => [name, pure(each, scope)]));
  }
  const [term, args] = ast;
  const at = (i: number) => pure(args[i], scope);
  switch (term) {
    case TERM.MAKE_ARRAY:
      return args.map((each) => pure(each, scope));
    case TERM.VAR:
      return scope.vars?.get(args[0] as number);
    case TERM.IMPLICIT_VAR:
      return scope.row;
    case TERM.JSON:
      return JSON.parse(args[0] as string);
    case TERM.MINVAL:
      return LEAST;
    case TERM.MAXVAL:
      return GREATEST;
    case TERM.EQ:
      return JSON.stringify(at(0)) === JSON.stringify(at(1));
    case TERM.GT:
      return compare(at(0) as Bound, at(1) as Bound) > 0;
    case TERM.AND:
      return args.every((each) => pure(each, scope));
    case TERM.BRANCH:
      return at(0) ? at(1) : at(2);
    case TERM.BRACKET:
      return fieldOf(at(0), at(1) as string);
    case TERM.DEFAULT:
      try {
        return at(0) ?? at(1);
      } catch (error) {
        if (error !== MISSING) throw error;
        return at(1);
      }
    case TERM.FUNC: {
      // Of one row: its only variable is the row.
      const [names, body] = args as [TermAst, Ast];
      return pure(body, { row: scope.row, vars: new Map([[names[1][0] as number, scope.row]]) });
    }
    default:
      throw new Error(`the model knows no term ${term} in a function`);
  }
}

export function fieldOf(value: unknown, name: string): unknown {
  const field = (value as Record<string, unknown> | null)?.[name];
  if (field === undefined) throw MISSING;
  return field;
}

/** The fields of a value that are named, by their names or by objects of names. */
export function plucked(value: unknown, names: readonly Ast[]): unknown {
  if (Array.isArray(value)) return value.map((each) => plucked(each, names));
  const from = value as Record<string, unknown>;
  const found: Record<string, unknown> = {};
  for (const name of names) {
    if (typeof name === 'string') {
      if (name in from) found[name] = from[name];
      continue;
    }
    for (const [outer, inner] of Object.entries(name as Record<string, Ast>)) {
      if (outer in from) found[outer] = plucked(from[outer], [inner]);
    }
  }
  return found;
}
