import type { Chance } from './chance.js';
import type { Cluster } from './cluster.js';
import { notAvailable, type Reign } from './reign.js';
import type { Table } from './table.js';
import { type Bound, compare, type Document, GREATEST, LEAST } from './terms.js';

/** Which documents of a table are meant. */
export interface Selection {
  readonly table: Table;
  readonly isMajority: boolean;
  readonly keys?: readonly (string | number)[];
  readonly index?: { readonly name: string; readonly values: readonly unknown[] };
  readonly low: Bound;
  readonly high: Bound;
  readonly isHighClosed: boolean;
  readonly order?: 'up' | 'down';
  readonly limit: number;
}

export function wholeTable(table: Table, isMajority: boolean): Selection {
  return { table, isMajority, low: LEAST, high: GREATEST, isHighClosed: false, limit: Number.POSITIVE_INFINITY };
}

export function matches({ keys, index, low, high, isHighClosed }: Selection, document: Document): boolean {
  if (keys) return keys.includes(document.id);
  if (index) {
    const value = document[index.name];
    return (Array.isArray(value) ? value : [value]).some((each) => index.values.includes(each));
  }
  const atHigh = compare(document.id, high);
  return compare(document.id, low) >= 0 && (isHighClosed ? atHigh <= 0 : atHigh < 0);
}

function selected(selection: Selection, documents: ReadonlyMap<string | number, Document>): Document[] {
  const found: Document[] = [];
  if (selection.keys) {
    for (const key of new Set(selection.keys)) {
      const document = documents.get(key);
      if (document) found.push(document);
    }
    return found;
  }
  for (const document of documents.values()) if (matches(selection, document)) found.push(document);
  return found;
}

/** Where a query looks for the primary of a table: where the server that got it believes it to be. */
export async function onPrimary<T>(
  cluster: Cluster,
  contact: number,
  table: Table,
  failed: () => Error,
  work: (reign: Reign) => Promise<T> | T,
): Promise<T> {
  const reign = table.viewOf(contact);
  if (!reign) throw notAvailable();
  return cluster.ask(
    contact,
    reign.server,
    () => {
      if (reign.isOver) throw notAvailable();
      return work(reign);
    },
    failed,
  );
}

/** What a query sees of them: each part at a moment of its own. */
export async function readRows(
  cluster: Cluster,
  chance: Chance,
  contact: number,
  selection: Selection,
): Promise<Document[]> {
  const parts = selection.table.parts.map(async (part) => {
    if (chance.in(0.2)) await cluster.time.sleep(chance.skewed(0.1, 30));
    return onPrimary(cluster, contact, selection.table, notAvailable, async (reign) => {
      const found = selected(selection, selection.table.copyOf(part, reign.server).documents);
      if (selection.isMajority) await reign.committed(part).catch(() => Promise.reject(notAvailable()));
      return found;
    });
  });
  const rows = (await Promise.all(parts)).flat();
  const { order, limit } = selection;
  if (order) rows.sort((one, other) => compare(one.id, other.id) * (order === 'up' ? 1 : -1));
  return rows.slice(0, limit);
}

/** A stream of rows: what comes later is read later. */
export class RowStream {
  #left: Selection[];
  readonly #read: (selection: Selection) => Promise<Document[]>;
  readonly #size: number;

  constructor(selections: readonly Selection[], size: number, read: (selection: Selection) => Promise<Document[]>) {
    this.#left = [...selections];
    this.#size = size;
    this.#read = read;
  }

  /** The next rows; `undefined` when there are no more. */
  async next(): Promise<Document[] | undefined> {
    for (let selection = this.#left.shift(); selection; selection = this.#left.shift()) {
      const { order, limit, keys } = selection;
      const size = Math.min(limit, this.#size);
      if (order === 'up') {
        const rows = await this.#read({ ...selection, limit: size });
        const last = rows.at(-1);
        if (last && rows.length === size && limit > size) {
          const low = typeof last.id === 'number' ? last.id + 1e-9 : `${last.id}\u0000`;
          this.#left.unshift({ ...selection, low, limit: limit - size });
        }
        if (rows.length > 0) return rows;
      } else if (keys && keys.length > size) {
        this.#left.unshift({ ...selection, keys: keys.slice(size) });
        const rows = await this.#read({ ...selection, keys: keys.slice(0, size) });
        if (rows.length > 0) return rows;
      } else {
        const rows = await this.#read(selection);
        if (rows.length > 0) return rows;
      }
    }
    return undefined;
  }
}
