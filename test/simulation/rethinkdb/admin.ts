import type { Query } from './query.js';
import { notAvailable } from './reign.js';
import { type Ast, type Document, isTerm, plucked, ReqlError, TERM, type TermAst } from './terms.js';

const SYSTEM_DATABASE = 'rethinkdb';

/** Databases, tables and indexes: made, listed, waited for. `undefined` if this is nothing of the kind. */
export function adminValue(query: Query, ast: TermAst): Promise<unknown> | undefined {
  const { cluster, contact } = query;
  const { catalog } = cluster;
  const [term, args, options] = ast;
  const database = () => (args[0] as TermAst)[1][0] as string;
  const system = systemTableIn(ast);
  if (system) return systemValue(query, ast, system);
  const soon = <T>(work: () => T | Promise<T>) =>
    cluster.time.sleep(cluster.chance.skewed(0.5, 20) * cluster.slowness).then(work);
  switch (term) {
    case TERM.DB_LIST:
      return soon(() => catalog.databases(contact).map(({ name }) => name));
    case TERM.DB_CREATE:
      return soon(() => ({
        config_changes: [{ new_val: { id: catalog.createDatabase(contact, args[0] as string) } }],
      }));
    case TERM.TABLE_LIST:
      return soon(() => catalog.tablesOf(contact, catalog.database(contact, database()).id).map(({ name }) => name));
    case TERM.TABLE_CREATE:
      return soon(async () => {
        const { id } = catalog.database(contact, database());
        await cluster.time.sleep(cluster.chance.skewed(5, 200) * cluster.slowness);
        const table = catalog.createTable(contact, id, database(), args[1] as string);
        if (!cluster.elect(table)) throw notAvailable();
        return { config_changes: [{ new_val: { id: table.id } }] };
      });
    case TERM.INDEX_LIST:
      return soon(() => [...query.tableOf(args[0] as TermAst).table.indexes.keys()]);
    case TERM.INDEX_CREATE:
      return soon(() => {
        const { table } = query.tableOf(args[0] as TermAst);
        const name = args[1] as string;
        if (table.indexes.has(name))
          throw new ReqlError('ReqlOpFailedError', `Index \`${name}\` already exists on table \`${table.name}\`.`);
        table.indexes.set(name, { isMulti: options?.multi === true });
        return { created: 1 };
      });
    case TERM.INDEX_WAIT:
      return soon(() => [...query.tableOf(args[0] as TermAst).table.indexes.keys()]);
    case TERM.WAIT:
      return waitReady(query, database());
    default:
      return undefined;
  }
}

async function waitReady(query: Query, database: string): Promise<object> {
  const { cluster, contact } = query;
  const { id } = cluster.catalog.database(contact, database);
  const untilMs = cluster.time.nowMs + 20_000;
  while (cluster.time.nowMs < untilMs) {
    const tables = cluster.catalog.tablesOf(contact, id);
    const names = new Set(tables.map(({ name }) => name));
    if (names.size < tables.length)
      throw new ReqlError('ReqlOpFailedError', `Table \`${database}\` is ambiguous; there are multiple tables.`);
    if (tables.every(({ table }) => table.viewOf(contact) && !table.viewOf(contact)?.isOver))
      return { ready: tables.length };
    await cluster.time.sleep(50);
  }
  throw new ReqlError('ReqlOpFailedError', 'Timed out while waiting for tables.');
}

/** The system table that a query is about. */
function systemTableIn(ast: Ast): { name: string; key?: string } | undefined {
  if (!isTerm(ast)) return undefined;
  const [term, args] = ast;
  if (term === TERM.TABLE && isTerm(args[0]) && args[0][1][0] === SYSTEM_DATABASE) return { name: args[1] as string };
  if (term === TERM.GET) {
    const table = systemTableIn(args[0]);
    return table && { ...table, key: args[1] as string };
  }
  return args.length > 0 && term !== TERM.MAKE_ARRAY ? systemTableIn(args[0]) : undefined;
}

export function isSystemTable(ast: Ast): boolean {
  return systemTableIn(ast) !== undefined;
}

async function systemValue(
  query: Query,
  ast: TermAst,
  { name, key }: { name: string; key?: string },
): Promise<unknown> {
  const { cluster, contact } = query;
  await cluster.time.sleep(cluster.chance.skewed(0.5, 20) * cluster.slowness);
  if (name === 'cluster_config') return { id: 'heartbeat', heartbeat_timeout_secs: 2 };
  if (ast[0] === TERM.DELETE) {
    return { deleted: cluster.catalog.drop(contact, key as string) ? 1 : 0, skipped: 0 };
  }
  if (ast[0] === TERM.UPDATE) {
    const { name: newName } = ast[1][1] as { name: string };
    return { replaced: cluster.catalog.rename(contact, key as string, newName) ? 1 : 0 };
  }
  const rows = systemRows(query, name).filter(({ id }) => key === undefined || id === key);
  const wanted = filterIn(ast);
  const kept = rows.filter((row) => Object.entries(wanted).every(([field, value]) => row[field] === value));
  const fields = pluckIn(ast);
  return fields ? kept.map((row) => plucked(row, fields)) : kept;
}

function systemRows({ cluster, contact }: Query, name: string): Document[] {
  const { catalog } = cluster;
  if (name === 'server_status') {
    return cluster.servers.map((server) => ({
      id: server.name,
      name: server.name,
      process: { version: 'rethinkdb 2.4.4' },
    }));
  }
  const databases = catalog.databases(contact);
  if (name === 'db_config') return databases.map(({ id, name }) => ({ id, name }));
  return databases.flatMap((database) =>
    catalog.tablesOf(contact, database.id).map(({ id, name }) => ({ id, name, db: database.name })),
  );
}

function filterIn(ast: Ast): object {
  if (!isTerm(ast)) return {};
  const [term, args] = ast;
  return term === TERM.FILTER ? (args[1] as object) : filterIn(args[0]);
}

function pluckIn(ast: Ast): readonly Ast[] | undefined {
  if (!isTerm(ast)) return undefined;
  const [term, args] = ast;
  return term === TERM.PLUCK ? args.slice(1) : pluckIn(args[0]);
}
