import { Injectable } from '@nestjs/common';
import type { Database } from 'better-sqlite3';
import { EventHandler, Projection, type ProjectionCheckpoint, type StoredEvent } from 'omniscient-nest';
import { Tables } from '../tables/tables.js';
import { BEGINNER, LEADERS_MAX, type Score, scoresOf } from './scoring.js';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS leaders (
    generation INTEGER, player TEXT, lives INTEGER NOT NULL, won INTEGER NOT NULL, PRIMARY KEY (generation, player)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS leaders_handled (generation INTEGER, position INTEGER, PRIMARY KEY (generation, position)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS leaders_serving (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL);
  INSERT OR IGNORE INTO leaders_serving VALUES (1, 1);`;

const MARK = 'INSERT OR IGNORE INTO leaders_handled VALUES (@generation, @position)';
const ADD = `
  INSERT INTO leaders VALUES (@generation, @player, ${BEGINNER.lives} + @lives, ${BEGINNER.won} + @won)
  ON CONFLICT DO UPDATE SET lives = lives + @lives, won = won + @won`;
const TOP = `
  SELECT player, lives, won FROM leaders WHERE generation = (SELECT generation FROM leaders_serving)
  ORDER BY won DESC, lives DESC, player LIMIT ${LEADERS_MAX}`;

/**
 * The leader board as a table, for whoever likes SQL. What is written, and that an event was handled, are one transaction of the game's own database: so each
 * event counts once, whatever crashes, and also one that was parked and is handled long after later ones.
 */
@Injectable()
@Projection()
export class LeaderTable {
  readonly #db: Database;

  constructor(tables: Tables) {
    this.#db = tables.db;
    this.#db.exec(SCHEMA);
  }

  @EventHandler('life_added')
  @EventHandler('life_lost')
  @EventHandler('player_death')
  @EventHandler('payment_received')
  @EventHandler('game_ended')
  count(_data: unknown, event: StoredEvent, { generation, position }: ProjectionCheckpoint): void {
    const [mark, add] = [this.#db.prepare(MARK), this.#db.prepare(ADD)];
    this.#inOneTransaction(() => {
      if (mark.run({ generation, position }).changes === 0) return;
      for (const score of scoresOf(event)) add.run({ ...score, generation });
    });
  }

  /** The table's word counts, not the engine's: it was stored with the rows. */
  loadCheckpoint(generation: number): number | undefined {
    const last = this.#db.prepare<[number], { position: number | null }>(
      'SELECT max(position) AS position FROM leaders_handled WHERE generation = ?',
    );
    return last.get(generation)?.position ?? undefined;
  }

  /** The rebuilt one has caught up. */
  onServe(generation: number): void {
    this.#inOneTransaction(() => {
      this.#db.prepare('UPDATE leaders_serving SET generation = ?').run(generation);
      this.#db.prepare('DELETE FROM leaders WHERE generation < ?').run(generation);
      this.#db.prepare('DELETE FROM leaders_handled WHERE generation < ?').run(generation);
    });
  }

  leaders(): Score[] {
    return this.#db.prepare<[], Score>(TOP).all();
  }

  #inOneTransaction(write: () => void): void {
    this.#db.transaction(write).immediate();
  }
}
