import type { CommitDocument } from '../../../lib/engines/rethinkdb/commits/commit-document.js';
import { commitKeyOf } from '../../../lib/engines/rethinkdb/commits/keys.js';
import { endOf, type LogDocument, unpackEntry } from '../../../lib/engines/rethinkdb/commits/log-entry.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import type { Cluster } from './cluster.js';
import type { Ledger } from './ledger.js';
import type { Node } from './node.js';
import type { Document } from './terms.js';

/** What is stored in the end: each stream's event ids, and those of the whole store in order of position. */
export interface Truth {
  readonly streams: Map<string, string[]>;
  readonly store: string[];
  /** Stored events that have no position. */
  readonly unplaced: string[];
  readonly announcements: number;
}

/** @param wrong told of what should not be so. */
export function truthOf(cluster: Cluster, wrong: (what: string) => void = () => {}): Truth {
  const commits = documentsOf(cluster, 'commits');
  const byKey = new Map(commits.map((commit) => [commit.id, commit as unknown as CommitDocument]));
  const streams = new Map<string, string[]>();
  for (const { stream } of byKey.values())
    if (stream && !streams.has(stream)) streams.set(stream, chainOf(stream, byKey));
  const inStreams = [...streams.values()].flat();
  const stored = commits
    .filter((document) => 'stream' in document)
    .flatMap((document) => (document as unknown as CommitDocument).events.map(({ id }) => id));
  if (inStreams.length !== stored.length) wrong(`${stored.length - inStreams.length} events are stored behind a hole`);
  const store = placesOf(cluster, byKey, wrong);
  const placed = new Set(store);
  return {
    streams,
    store,
    unplaced: stored.filter((id) => !placed.has(id)),
    announcements: commits.filter(({ id }) => String(id).startsWith(':')).length,
  };
}

function documentsOf(cluster: Cluster, name: string): Document[] {
  return cluster.tables
    .filter((table) => table.name === name && !table.isDropped)
    .flatMap((table) =>
      table.parts.flatMap((part) => [...table.copyOf(part, table.reign?.server ?? 0).documents.values()]),
    );
}

function chainOf(stream: string, commits: ReadonlyMap<unknown, CommitDocument>): string[] {
  const ids: string[] = [];
  for (;;) {
    const commit = commits.get(commitKeyOf(stream, ids.length + 1));
    if (!commit) return ids;
    ids.push(...commit.events.map(({ id }) => id));
  }
}

function placesOf(
  cluster: Cluster,
  commits: ReadonlyMap<unknown, CommitDocument>,
  wrong: (what: string) => void,
): string[] {
  const entries = documentsOf(cluster, 'log') as unknown as LogDocument[];
  const store: string[] = [];
  for (const entry of entries.sort((a, b) => a.id - b.id)) {
    if (entry.id !== store.length) wrong(`the log has a hole after ${store.length}`);
    for (const { stream, first, count, event } of unpackEntry(entry).commits) {
      const events = commits.get(commitKeyOf(stream, first))?.events ?? [];
      if (events[0]?.id !== event || events.length !== count)
        wrong(`the log places commit ${first} of stream ${stream}, which is not stored so`);
      store.push(...events.map(({ id }) => id));
    }
    if (store.length !== endOf(entry)) return store;
  }
  return store;
}

/** Holds what was answered and seen against what is stored. */
export function check(truth: Truth, ledger: Ledger, nodes: readonly Node[]): void {
  const where = new Map<string, string[]>();
  for (const [stream, ids] of truth.streams) {
    for (const [i, id] of ids.entries()) where.set(id, [...(where.get(id) ?? []), `${stream} ${i + 1}`]);
  }
  for (const { request, version, isRefused } of ledger.all) {
    const { streamId, events, expectedVersion } = request;
    for (const [i, { id }] of events.entries()) {
      const found = where.get(id) ?? [];
      if (found.length > 1) ledger.fault(`an event is stored at ${found.join(', ')}`);
      if (isRefused && found.length > 0) ledger.fault(`an event that was refused is stored at ${found.join(', ')}`);
      if (version !== undefined && found[0] !== `${streamId} ${version + i}`)
        ledger.fault(
          `what was acknowledged at ${streamId} ${version + i} is stored at ${found.join(', ') || 'no place'}`,
        );
      if (typeof expectedVersion === 'number' && found[0] && found[0] !== `${streamId} ${expectedVersion + 1 + i}`)
        ledger.fault(`what was to be stored after version ${expectedVersion} of ${streamId} is stored at ${found[0]}`);
    }
  }
  if (new Set(truth.store).size !== truth.store.length) ledger.fault('an event has two positions');
  if (truth.unplaced.length > 0) ledger.fault(`${truth.unplaced.length} stored events have no position`);
  if (truth.announcements > 0) ledger.fault(`${truth.announcements} announcements are left`);
  for (const node of nodes) checkSeen(truth, ledger, node);
}

function checkSeen(truth: Truth, ledger: Ledger, { place }: Node): void {
  for (const [streamId, seen] of place.streams) {
    compare(`stream ${streamId} on ${place.name}`, seen, truth.streams.get(streamId) ?? [], ({ version }) => version);
  }
  compare(`the store on ${place.name}`, place.store, truth.store, ({ position }) => position);

  function compare(
    what: string,
    seen: readonly EventRecord[],
    stored: readonly string[],
    numberOf: (event: EventRecord) => number,
  ) {
    const wrongAt = seen.findIndex((event, i) => event.id !== stored[i] || numberOf(event) !== i + 1);
    if (wrongAt !== -1) ledger.fault(`${what}: what was seen as number ${wrongAt + 1} is not what is stored there`);
    else if (seen.length < stored.length)
      ledger.fault(`${what}: only ${seen.length} of ${stored.length} events were seen`);
  }
}
