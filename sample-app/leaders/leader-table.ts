import { Injectable } from '@nestjs/common';
import type { Database } from 'better-sqlite3';
import { EventHandler, Projection, type ProjectionCheckpoint, type StoredEvent } from 'omniscient-nest';
import { Player } from '../players/player.js';
import { Tables } from '../tables/tables.js';
import { BEGINNER, LEADERS_MAX, type Score, scoresOf } from './scoring.js';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS leaders (
    generation INTEGER, player TEXT, lives INTEGER NOT NULL, won INTEGER NOT NULL, PRIMARY KEY (generation, player)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS leaders_checkpoint (generation INTEGER PRIMARY KEY, position INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS leaders_late (generation INTEGER, position INTEGER, PRIMARY KEY (generation, position)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS leaders_serving (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL);
  INSERT OR IGNORE INTO leaders_serving VALUES (1, 1);`;

/** Moves forward only: a node that was frozen may go on after another one has taken over. */
const MARK = `
  INSERT INTO leaders_checkpoint VALUES (@generation, @position)
  ON CONFLICT DO UPDATE SET position = excluded.position WHERE position < excluded.position`;
/** A parked event that is retried comes after later ones. It does not move the checkpoint, but it counts once. */
const MARK_LATE = 'INSERT OR IGNORE INTO leaders_late VALUES (@generation, @position)';
const ADD = `
  INSERT INTO leaders VALUES (@generation, @player, ${BEGINNER.lives} + @lives, ${BEGINNER.won} + @won)
  ON CONFLICT DO UPDATE SET lives = lives + @lives, won = won + @won`;
const TOP = `
  SELECT player, lives, won FROM leaders WHERE generation = (SELECT generation FROM leaders_serving)
  ORDER BY won DESC, lives DESC, player LIMIT ${LEADERS_MAX}`;

/**
 * The leader board as an SQL table. The rows and the checkpoint are written in one transaction of the game's own database, so each event counts once,
 * whatever crashes.
 */
@Injectable()
@Projection({ upcastsOf: [Player] })
export class LeaderTable {
  readonly #db: Database;

  constructor(tables: Tables) {
    this.#db = tables.db;
    this.#db.exec(SCHEMA);
  }

  @EventHandler('life_added')
  @EventHandler('player_death')
  @EventHandler('payment_received')
  @EventHandler('game_ended')
  count(_data: unknown, event: StoredEvent, { generation, position, isLate }: ProjectionCheckpoint): void {
    const [mark, add] = [this.#db.prepare(isLate ? MARK_LATE : MARK), this.#db.prepare(ADD)];
    this.#inOneTransaction(() => {
      if (mark.run({ generation, position }).changes === 0) return;
      for (const score of scoresOf(event)) add.run({ ...score, generation });
    });
  }

  /** This checkpoint counts, not the engine's: it was stored with the rows. */
  loadCheckpoint(generation: number): number | undefined {
    const find = this.#db.prepare<[number], { position: number }>(
      'SELECT position FROM leaders_checkpoint WHERE generation = ?',
    );
    return find.get(generation)?.position;
  }

  /** The rebuilt table has caught up, so the earlier ones are dropped. */
  onServe(generation: number): void {
    this.#inOneTransaction(() => {
      const isNewer = this.#db.prepare(
        'UPDATE leaders_serving SET generation = @generation WHERE generation < @generation',
      );
      if (isNewer.run({ generation }).changes === 0) return;
      for (const table of ['leaders', 'leaders_checkpoint', 'leaders_late'])
        this.#db.prepare(`DELETE FROM ${table} WHERE generation < ?`).run(generation);
    });
  }

  leaders(): Score[] {
    return this.#db.prepare<[], Score>(TOP).all();
  }

  #inOneTransaction(write: () => void): void {
    this.#db.transaction(write).immediate();
  }
}
