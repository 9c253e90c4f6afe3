import type { Observable, Subscription } from 'rxjs';
import type { EventRecord, StoredEvent } from '../../../kernel/values/index.js';
import type { EventSubscriptions } from '../../../runtime/subscribing/index.js';
import { indexAfter, type World } from '../store/index.js';
import { LOG, type SeededRandom } from '../world/index.js';
import type { SimulatedNode } from './simulated-node.js';
import type { Started } from './started-node.js';

/**
 * A subscriber from outside. It leaves and comes back, to another node, with the last place that it knows. It checks
 * each event that comes.
 */
export class Subscriber {
  readonly #name: string;
  readonly #wanted: Wanted;
  readonly #world: World;
  readonly #nodes: readonly SimulatedNode[];
  readonly #random: SeededRandom;
  readonly #fail: (message: string, ...streams: string[]) => void;
  #place = 0;
  #stays = false;
  #subscription: Subscription | undefined;
  #at: Started | undefined;
  #comings = 0;

  constructor(
    name: string,
    wanted: Wanted,
    parts: { world: World; nodes: readonly SimulatedNode[]; fail: (message: string, ...streams: string[]) => void },
  ) {
    this.#name = name;
    this.#wanted = wanted;
    this.#world = parts.world;
    this.#nodes = parts.nodes;
    this.#fail = parts.fail;
    this.#random = parts.world.random.fork(`subscriber ${name}`);
  }

  start(): void {
    this.#world.time.after(this.#random.between(0, AWAY_MS_MAX), () => this.#come());
  }

  /** Makes it stay where it is, so that it would have to get missed events by itself. */
  stay(): void {
    this.#stays = true;
  }

  /** To be called at rest: everything that is stored must have come. */
  end(): void {
    const next = this.#next();
    if (next && !this.#isFresh(next)) {
      const where = this.#at?.process.name ?? 'no node';
      this.#fail(
        `${this.#name} on ${where} stands at ${this.#place} and never got ${textOf(next)}`,
        LOG,
        next.streamId,
      );
    }
  }

  /** Whether the event was stored just now. */
  #isFresh({ position, streamId }: EventRecord): boolean {
    const { log, placedAtMs, commits } = this.#world.store;
    const commit = commits.findLast((each) => each.streamId === streamId);
    const atMs = position === 0 ? commit?.atMs : placedAtMs[indexAfter(log, position) - 1];
    return this.#world.time.nowMs - (atMs ?? 0) < FRESH_MS;
  }

  #come(): void {
    const ready = this.#nodes.flatMap(({ ready }) => (ready ? [ready] : []));
    if (ready.length === 0) {
      this.#comeLater();
      return;
    }
    const started = this.#random.pick(ready);
    const coming = ++this.#comings;
    const isHere = () => coming === this.#comings;
    const lost = () => {
      if (isHere()) this.#leave();
    };
    const subscribe = () => {
      if (!isHere()) return;
      this.#world.trace.note(started.process.name, `${this.#name} subscribes after ${this.#place}`, LOG);
      this.#subscription = this.#eventsOf(started.runtime.subscriptions).subscribe({
        next: (event) => isHere() && this.#take(event),
        error: (error: unknown) => {
          const what = error instanceof Error ? error.message : String(error);
          this.#world.trace.note(started.process.name, `${this.#name} fails: ${what}`);
          lost();
        },
        complete: lost,
      });
      // A subscription that completes at once cannot be unsubscribed earlier.
      if (!isHere()) this.#subscription.unsubscribe();
    };
    this.#at = started;
    started.onEnd.add(lost);
    this.#world.time.after(this.#random.between(0, 3), subscribe, started.process);
    this.#world.time.after(this.#random.between(10, this.#random.pick(STAY_MS_MAX)), () => {
      if (isHere() && !this.#stays) this.#leave();
    });
  }

  #eventsOf(subscriptions: EventSubscriptions): Observable<StoredEvent> {
    const after = this.#place;
    if (this.#wanted === 'all') return subscriptions.all$({ after });
    if ('stream' in this.#wanted) return subscriptions.stream$(this.#wanted.stream, { after });
    return subscriptions.named$(this.#wanted.names, { after });
  }

  #leave(): void {
    this.#comings += 1;
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    this.#at = undefined;
    this.#comeLater();
  }

  #comeLater(): void {
    const coming = this.#comings;
    this.#world.time.after(this.#random.between(1, AWAY_MS_MAX), () => {
      if (coming === this.#comings) this.#come();
    });
  }

  #take(event: StoredEvent): void {
    const next = this.#next();
    if (next?.id !== event.id) {
      const instead = next ? `instead of ${textOf(next)}` : 'which is not stored';
      this.#fail(`${this.#name} stands at ${this.#place} and got ${textOf(event)} ${instead}`, LOG, event.streamId);
    }
    this.#place = ('stream' in Object(this.#wanted) ? event.version : event.position) ?? 0;
  }

  /** Returns the event that must come next, if there is one yet. */
  #next(): EventRecord | undefined {
    const { streams, log } = this.#world.store;
    const wanted = this.#wanted;
    if (wanted !== 'all' && 'stream' in wanted) return streams.get(wanted.stream)?.[this.#place];
    for (let i = indexAfter(log, this.#place); i < log.length; i += 1) {
      const record = log[i] as EventRecord;
      if (wanted === 'all' || wanted.names.includes(record.name)) return record;
    }
    return undefined;
  }
}

/** Longest time between leaving and coming back. Milliseconds. */
const AWAY_MS_MAX = 300;
/** Longest stay, of a subscriber that leaves often, and of one that does not. Milliseconds. */
const STAY_MS_MAX = [60, 2_500] as const;

/** How long an event may take to come while there are no faults. Milliseconds. */
const FRESH_MS = 100;

/** What a subscriber subscribes to. */
export type Wanted = { readonly stream: string } | { readonly names: readonly string[] } | 'all';

function textOf({
  streamId,
  version,
  name,
  position,
}: Pick<StoredEvent, 'streamId' | 'version' | 'name' | 'position'>): string {
  return `'${name}' (${streamId} ${version}, position ${position ?? 0})`;
}
