import { adminValue, isSystemTable } from './admin.js';
import type { Chance } from './chance.js';
import type { Cluster } from './cluster.js';
import { Feed } from './feeds.js';
import { notAvailable } from './reign.js';
import { matches, onPrimary, RowStream, readRows, type Selection, wholeTable } from './rows.js';
import type { Table } from './table.js';
import { type Ast, type Bound, type Document, isTerm, plucked, pure, TERM, type TermAst } from './terms.js';
import { write } from './writes.js';

/** Rows, and what is made of each of them. */
interface Rows {
  readonly selections: readonly Selection[];
  readonly steps: readonly ((rows: unknown[]) => unknown[])[];
}

export type Answer =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'stream'; readonly stream: RowStream }
  | { readonly kind: 'feed'; readonly feed: Feed };

/** One query, as the server that got it goes about it. */
export class Query {
  readonly cluster: Cluster;
  readonly chance: Chance;
  readonly contact: number;
  /** Whether whoever asked has gone. */
  readonly isAbandoned: () => boolean;

  constructor(cluster: Cluster, contact: number, isAbandoned: () => boolean) {
    this.cluster = cluster;
    this.chance = cluster.chance;
    this.contact = contact;
    this.isAbandoned = isAbandoned;
  }

  async answer(ast: Ast): Promise<Answer> {
    if (isTerm(ast) && ast[0] === TERM.CHANGES) return { kind: 'feed', feed: await this.#feed(ast) };
    if (isTerm(ast) && isSelecting(ast) && !isSystemTable(ast)) {
      const { selections } = this.#rows(ast);
      const size = this.chance.in(0.5) ? 1 + this.chance.int(4) : 1_000;
      return { kind: 'stream', stream: new RowStream(selections, size, (selection) => this.read(selection)) };
    }
    return { kind: 'value', value: await this.#value(ast) };
  }

  read(selection: Selection): Promise<Document[]> {
    return readRows(this.cluster, this.chance, this.contact, selection);
  }

  /** The selection that a write changes. */
  selectionOf(ast: Ast): { selection: Selection; keeps: (document: Document) => boolean } {
    const [term, args] = ast as TermAst;
    if (term !== TERM.FILTER) return { selection: this.#rows(ast).selections[0] as Selection, keeps: () => true };
    return { selection: this.#rows(args[0]).selections[0] as Selection, keeps: keeperOf(args[1]) };
  }

  async #value(ast: Ast): Promise<unknown> {
    if (!isTerm(ast)) return ast;
    const [term, args] = ast;
    const admin = adminValue(this, ast);
    if (admin) return admin;
    switch (term) {
      case TERM.MAKE_ARRAY: {
        const values: unknown[] = [];
        for (const each of args) values.push(await this.#value(each));
        return values;
      }
      case TERM.COERCE_TO:
        return this.#all(this.#rows(args[0]));
      case TERM.COUNT:
        return (await this.#all(this.#rows(args[0]))).length;
      case TERM.IS_EMPTY:
        return (await this.#all(this.#rows(args[0]))).length === 0;
      case TERM.DEFAULT:
        return (await this.#value(args[0])) ?? args[1];
      case TERM.GET:
        return (await this.#all({ selections: [this.#get(ast)], steps: [] }))[0] ?? null;
      case TERM.INSERT:
      case TERM.UPDATE:
      case TERM.REPLACE:
      case TERM.DELETE:
        return write(this, ast);
      default:
        return pure(ast, {});
    }
  }

  async #all({ selections, steps }: Rows): Promise<unknown[]> {
    const found: unknown[] = [];
    for (const selection of selections) found.push(...(await this.read(selection)));
    return steps.reduce((rows, step) => step(rows), found);
  }

  #get([, [table, key]]: TermAst): Selection {
    const [selection] = this.#rows(table).selections as [Selection];
    return { ...selection, keys: [key as string] };
  }

  tableOf([, [database, name], options]: TermAst): { table: Table; isMajority: boolean } {
    const databaseName = (database as TermAst)[1][0] as string;
    const table = this.cluster.catalog.table(this.contact, databaseName, name as string);
    return { table, isMajority: options?.read_mode === 'majority' };
  }

  #rows(ast: Ast): Rows {
    const [term, args, options] = ast as TermAst;
    if (term === TERM.TABLE) {
      const { table, isMajority } = this.tableOf(ast as TermAst);
      return { selections: [wholeTable(table, isMajority)], steps: [] };
    }
    if (term === TERM.GET) return { selections: [this.#get(ast as TermAst)], steps: [] };
    const from = this.#rows(args[0]);
    const narrowed = (change: Partial<Selection>): Rows => {
      return { ...from, selections: from.selections.map((each) => ({ ...each, ...change })) };
    };
    const then = (step: (rows: unknown[]) => unknown[]): Rows => ({ ...from, steps: [...from.steps, step] });
    switch (term) {
      case TERM.BETWEEN: {
        const [low, high] = args.slice(1).map((each) => pure(each, {})) as [Bound, Bound];
        return narrowed({ low, high, isHighClosed: options?.right_bound === 'closed' });
      }
      case TERM.GET_ALL: {
        const values = args.slice(1).flatMap((each) => valuesIn(each));
        const index = options?.index as string | undefined;
        return narrowed(index ? { index: { name: index, values } } : { keys: values as string[] });
      }
      case TERM.ORDER_BY: {
        const by = options?.index as TermAst | undefined;
        return narrowed({ order: by?.[0] === TERM.DESC ? 'down' : 'up' });
      }
      case TERM.LIMIT: {
        const limit = args[1] as number;
        return from.steps.length > 0 ? then((rows) => rows.slice(0, limit)) : narrowed({ limit });
      }
      case TERM.FILTER: {
        const keeps = keeperOf(args[1]);
        return then((rows) => rows.filter((row) => keeps(row as Document)));
      }
      case TERM.PLUCK:
        return then((rows) => rows.map((row) => plucked(row, args.slice(1))));
      case TERM.BRACKET:
        return then((rows) => rows.map((row) => (row as Document)[args[1] as string]));
      case TERM.DISTINCT: {
        const index = options?.index as string;
        return then((rows) => [...new Set(rows.map((row) => (row as Document)[index]))]);
      }
      case TERM.UNION: {
        const others = args.slice(1).flatMap((each) => this.#rows(each).selections);
        return { ...from, selections: [...from.selections, ...others] };
      }
      default:
        throw new Error(`the model knows no selecting term ${term}`);
    }
  }

  async #feed([, [source]]: TermAst): Promise<Feed> {
    const [selection] = this.#rows(source).selections as [Selection];
    const { cluster, chance, contact } = this;
    const delays = () => chance.skewed(0.2, chance.in(0.1) ? 1_500 : 10) * cluster.slowness;
    const feed = new Feed(cluster.time, chance, (document) => matches(selection, document), delays);
    await onPrimary(cluster, contact, selection.table, notAvailable, (reign) => {
      reign.feeds.add(feed);
    });
    return feed;
  }
}

function isSelecting([term]: TermAst): boolean {
  return ([TERM.TABLE, TERM.GET_ALL, TERM.BETWEEN, TERM.LIMIT, TERM.UNION] as number[]).includes(term);
}

function valuesIn(ast: Ast): unknown[] {
  if (isTerm(ast) && ast[0] === TERM.ARGS) return pure(ast[1][0], {}) as unknown[];
  return [pure(ast, {})];
}

function keeperOf(ast: Ast): (document: Document) => boolean {
  if (isTerm(ast)) return (document) => Boolean(pure(ast, { row: document }));
  const wanted = Object.entries(ast as object);
  return (document) => wanted.every(([name, value]) => document[name] === value);
}
