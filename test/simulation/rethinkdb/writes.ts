import type { Query } from './query.js';
import { lostContact, type Reign } from './reign.js';
import { onPrimary } from './rows.js';
import type { Table } from './table.js';
import { type Ast, type Document, isTerm, pure, ReqlError, TERM, type TermAst } from './terms.js';

type Outcome = 'inserted' | 'replaced' | 'unchanged' | 'skipped' | 'deleted' | 'errors';

/** What is to become of one document. */
interface Change {
  readonly key: string | number;
  /** `undefined`: it stays as it is. */
  readonly next: (old: Document | null) => Document | null | undefined;
}

interface Result {
  readonly outcome: Outcome;
  readonly error?: string;
  readonly next?: Document | null | undefined;
}

/** Changes documents, each by itself: those of one query end in any order, and when it fails, any of them may be changed. */
export async function write(query: Query, ast: TermAst): Promise<object> {
  const [term, , options] = ast;
  const isHard = options?.durability !== 'soft';
  const { table, changes } = await changesOf(query, ast, term);
  const results: Result[] = [];
  const { chance } = query;
  let failure: ReqlError | undefined;
  for (const chunk of chunksOf(query, changes)) {
    // Who asked has gone: what is not under way yet may be given up.
    if (query.isAbandoned() && chance.in(0.5)) break;
    const byPart = new Map<number, Change[]>();
    for (const change of chance.shuffled(chunk)) {
      const part = table.partOf(change.key);
      byPart.set(part, [...(byPart.get(part) ?? []), change]);
    }
    const writing = [...byPart].map(async ([part, own]) => {
      if (chance.in(0.2)) await query.cluster.time.sleep(chance.skewed(0.1, 50));
      return onPrimary(query.cluster, query.contact, table, lostContact, async (reign) => {
        const applied = own.map((change) => apply(reign, part, change, isHard));
        reign.spread(part);
        await reign.committed(part);
        return applied;
      });
    });
    for (const each of await Promise.allSettled(writing)) {
      if (each.status === 'fulfilled') results.push(...each.value);
      else failure = each.reason as ReqlError;
    }
    if (failure) break;
  }
  return answerOf(query, results, failure, changes.length, options?.return_changes === true);
}

function answerOf(
  query: Query,
  results: readonly Result[],
  failure: ReqlError | undefined,
  count: number,
  returnsChanges: boolean,
): object {
  // A server says so in either way.
  if (failure && (count === 1 || query.chance.in(0.5))) throw failure;
  const answer: Record<string, unknown> = {};
  for (const outcome of ['inserted', 'replaced', 'unchanged', 'skipped', 'deleted', 'errors'] as const) {
    answer[outcome] = results.filter((result) => result.outcome === outcome).length;
  }
  if (failure) answer.errors = (answer.errors as number) + count - results.length;
  const said = failure?.msg ?? results.find(({ error }) => error)?.error;
  if (said) answer.first_error = said;
  if (returnsChanges) {
    answer.changes = results.filter(({ outcome }) => outcome === 'replaced').map(({ next }) => ({ new_val: next }));
  }
  return answer;
}

/** Mostly one; a server that takes an insert piece by piece may stop in between. */
function chunksOf(query: Query, changes: readonly Change[]): Change[][] {
  if (changes.length < 2 || query.chance.in(0.7)) return [[...changes]];
  const at = 1 + query.chance.int(changes.length - 1);
  return [changes.slice(0, at), changes.slice(at)];
}

function apply(reign: Reign, part: number, { key, next }: Change, isHard: boolean): Result {
  const old = reign.table.copyOf(part, reign.server).documents.get(key) ?? null;
  try {
    const document = next(old);
    reign.append(part, key, document, isHard);
    return { outcome: outcomeOf(old, document), next: document };
  } catch (error) {
    if (!(error instanceof ReqlError)) throw error;
    // What it says of the document must not be rolled back either.
    reign.append(part, key, undefined, isHard);
    return { outcome: 'errors', error: error.msg };
  }
}

function outcomeOf(old: Document | null, next: Document | null | undefined): Outcome {
  if (next === undefined) return old ? 'unchanged' : 'skipped';
  if (!next) return old ? 'deleted' : 'skipped';
  return old ? 'replaced' : 'inserted';
}

async function changesOf(query: Query, ast: TermAst, term: number): Promise<{ table: Table; changes: Change[] }> {
  const [, [target, argument], options] = ast;
  if (term === TERM.INSERT) {
    const { table } = query.tableOf(target as TermAst);
    const given = pure(argument, {}) as Document | Document[];
    const documents = Array.isArray(given) ? given : [given];
    return { table, changes: documents.map((document) => inserting(document, options?.conflict)) };
  }
  const { selection, keeps } = query.selectionOf(target);
  const { table } = selection;
  if (term === TERM.REPLACE) {
    const key = selection.keys?.[0] as string;
    return { table, changes: [{ key, next: (old) => pure(argument, { row: old }) as Document | null }] };
  }
  // `get(key).update()`, and the like, look at nothing before.
  const keys = selection.keys ?? (await query.read({ ...selection, isMajority: false })).map(({ id }) => id);
  const next = (old: Document | null) => {
    if (!old || !keeps(old)) return undefined;
    if (term === TERM.DELETE) return null;
    const changed = pure(argument, { row: old }) as object;
    return Object.keys(changed).length > 0 ? { ...old, ...changed } : undefined;
  };
  return { table, changes: keys.map((key) => ({ key, next })) };
}

function inserting(document: Document, conflict: Ast): Change {
  const next = (old: Document | null) => {
    if (!old || conflict === 'replace') return document;
    if (!isTerm(conflict)) throw new ReqlError('ReqlOpFailedError', `Duplicate primary key \`id\`: ${document.id}`);
    const [, [names, body]] = conflict as TermAst;
    const [key, was, is] = (names as TermAst)[1] as number[];
    const vars = new Map<number, unknown>([
      [key as number, document.id],
      [was as number, old],
      [is as number, document],
    ]);
    return pure(body, { vars }) as Document;
  };
  return { key: document.id, next };
}
