import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { EventSubscriptions, LeaderElection, type StoredEvent } from 'omniscient-nest';
import { withoutSecrets } from '../common/secrets.js';
import { Tables } from '../tables/tables.js';

/** Most events of one request that are shown. */
const EVENTS_MAX = 200;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS request_log (position INTEGER PRIMARY KEY, request TEXT NOT NULL, event TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS request_log_by_request ON request_log (request);`;

/**
 * What each request caused: an index of all events by their correlation id. One node at a time copies them, from the last one that is there; two that do it at the
 * same time do no harm, as the position is the key.
 */
@Injectable()
export class RequestLog implements OnApplicationBootstrap {
  constructor(
    private readonly tables: Tables,
    private readonly subscriptions: EventSubscriptions,
    private readonly elections: LeaderElection,
  ) {
    tables.db.exec(SCHEMA);
  }

  onApplicationBootstrap(): void {
    this.elections.whenLeader('request-log', (signal) => this.copy(signal));
  }

  /** Everything that the request led to so far, in order. */
  of(request: string): StoredEvent[] {
    const find = this.tables.db.prepare<[string], { event: string }>(
      `SELECT event FROM request_log WHERE request = ? ORDER BY position LIMIT ${EVENTS_MAX}`,
    );
    return find.all(request).map(({ event }) => JSON.parse(event) as StoredEvent);
  }

  private copy(signal: AbortSignal): Promise<void> {
    const { db } = this.tables;
    const last = db.prepare<[], { after: number }>('SELECT ifnull(max(position), 0) AS after FROM request_log');
    const add = db.prepare('INSERT OR IGNORE INTO request_log VALUES (?, ?, ?)');
    return new Promise((resolve, reject) => {
      const subscription = this.subscriptions.all$({ after: last.get()?.after ?? 0 }).subscribe({
        next: (event) => {
          try {
            add.run(event.position, event.metadata.correlationId, JSON.stringify(withoutSecrets(event)));
          } catch (error) {
            // Begun again from the last one that is there.
            subscription.unsubscribe();
            reject(error);
          }
        },
        error: reject,
        complete: resolve,
      });
      signal.addEventListener('abort', () => {
        subscription.unsubscribe();
        resolve();
      });
    });
  }
}
