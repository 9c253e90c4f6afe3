import { Copy } from './copy.js';
import type { Reign } from './reign.js';

/** In how many parts a table is kept, each with a course of its own: a query sees them one after another. */
const PARTS = 2;

/** A table on every server of the cluster. */
export class Table {
  readonly id: string;
  readonly databaseId: string;
  /** The name that it was given first. */
  readonly name: string;
  readonly indexes = new Map<string, { readonly isMulti: boolean }>();
  readonly parts: readonly number[] = Array.from({ length: PARTS }, (_, part) => part);
  /** Who is its primary, as the servers have agreed. */
  reign: Reign | undefined;
  epoch = 0;
  isDropped = false;
  readonly #copies: readonly (readonly Copy[])[];
  /** Whom each server takes for the primary. */
  readonly #views: (Reign | undefined)[];
  /** Each server takes nothing from primaries before this one. */
  readonly #fences: number[];

  constructor(id: string, databaseId: string, name: string, servers: number) {
    this.id = id;
    this.databaseId = databaseId;
    this.name = name;
    this.#copies = this.parts.map(() => Array.from({ length: servers }, () => new Copy()));
    this.#views = Array.from({ length: servers });
    this.#fences = Array.from({ length: servers }, () => 0);
  }

  copyOf(part: number, server: number): Copy {
    return this.#copies[part]?.[server] as Copy;
  }

  partOf(key: string | number): number {
    const text = String(key);
    let hash = 0;
    for (let i = 0; i < text.length; i += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
    return (hash >>> 0) % PARTS;
  }

  /** It is gone, with all that is in it. */
  drop(): void {
    this.isDropped = true;
    for (const view of this.#views) view?.end();
  }

  viewOf(server: number): Reign | undefined {
    return this.#views[server];
  }

  /** This server hears of a primary: if it was one itself, its own time is over. */
  learn(server: number, reign: Reign): void {
    const known = this.#views[server];
    if (known && known.epoch >= reign.epoch) return;
    this.#views[server] = reign;
    this.fence(server, reign.epoch);
    if (known && known.server === server) known.end();
  }

  fence(server: number, epoch: number): void {
    this.#fences[server] = Math.max(this.#fences[server] as number, epoch);
  }

  /** Whether this server still takes what this primary sends. */
  accepts(server: number, reign: Reign): boolean {
    if ((this.#fences[server] as number) > reign.epoch) return false;
    this.learn(server, reign);
    return true;
  }
}
