import type { Turn } from '../../../runtime/turn/index.js';
import type { World } from '../store/index.js';

/** Records every command that clients gave, its outcome for the client, and each of its runs. */
export class Commands {
  readonly all = new Map<string, CommandRecord>();
  /** Ids of events and commands. */
  readonly minted = new Map<string, Minting>();
  /** Called with each command that ends. */
  readonly observers: ((record: CommandRecord) => void)[] = [];
  readonly #world: World;
  readonly #runs = new Map<Turn, Run>();
  readonly #byKey = new Map<string, Run[]>();

  constructor(world: World) {
    this.#world = world;
  }

  begin(given: Pick<CommandRecord, 'key' | 'actor' | 'id' | 'command' | 'args' | 'node'>): CommandRecord {
    const record: CommandRecord = {
      ...given,
      atMs: this.#world.time.nowMs,
      outcome: 'pending',
      answer: undefined,
      error: undefined,
    };
    this.all.set(record.key, record);
    this.#note(record, `gives ${textOf(record)} to ${record.node}`);
    return record;
  }

  /** Ends a command. The first end counts. */
  end(record: CommandRecord, how: Partial<Pick<CommandRecord, 'outcome' | 'answer' | 'error'>>): void {
    if (record.outcome !== 'pending') return;
    Object.assign(record as OpenRecord, how);
    const { error } = record;
    const why = error === undefined ? '' : `: ${error instanceof Error ? error.message : String(error)}`;
    this.#note(record, `${textOf(record)} is ${record.outcome}${why}`);
    for (const observer of this.observers) observer(record);
  }

  mint(id: string, process: string, turn: Turn | undefined): void {
    this.minted.set(id, { atMs: this.#world.time.nowMs, process, turn });
  }

  /** To be called when a method of an actor begins to run. */
  ran(turn: Turn): void {
    const run: Run = { turn, fired: 0 };
    this.#runs.set(turn, run);
    const { correlationId, causationId } = turn.request.cause;
    if (causationId !== null || !this.all.has(correlationId)) return;
    const runs = this.#byKey.get(correlationId) ?? [];
    this.#byKey.set(correlationId, runs);
    runs.push(run);
  }

  fired(turn: Turn): void {
    const run = this.#runs.get(turn);
    if (run) run.fired += 1;
  }

  runsOf({ key }: CommandRecord): readonly Run[] {
    return this.#byKey.get(key) ?? [];
  }

  get pending(): CommandRecord[] {
    return [...this.all.values()].filter(({ outcome }) => outcome === 'pending');
  }

  #note({ key, id }: CommandRecord, what: string): void {
    this.#world.trace.note(`client ${key.split('.')[0]}`, what, id);
  }
}

/** The outcome of a command, as its caller knows it. */
export type CommandOutcome =
  | 'acknowledged'
  /** It failed, and the error says that nothing of it is stored. */
  | 'refused'
  /** It is unknown whether it is stored: a time-out, a lost answer, a node that is gone. */
  | 'in doubt'
  | 'pending';

/** A command that a client gave. */
export interface CommandRecord {
  /**
   * The numbers of the client, its operation, and the command in it: `2.7.1`. It is the `correlationId` of the events
   * that the command fires.
   */
  readonly key: string;
  /** The name of the actor class. */
  readonly actor: string;
  readonly id: string;
  readonly command: string;
  readonly args: readonly unknown[];
  /** The name of the node that got the command. */
  readonly node: string;
  readonly atMs: number;
  readonly outcome: CommandOutcome;
  readonly answer: unknown;
  readonly error: unknown;
}

type OpenRecord = { -readonly [Key in keyof CommandRecord]: CommandRecord[Key] };

/** One run of one command. */
export interface Run {
  readonly turn: Turn;
  /** How many events it fired. */
  fired: number;
}

/** When, where and in which turn an id was made. */
export interface Minting {
  readonly atMs: number;
  /** The name of the process. */
  readonly process: string;
  readonly turn: Turn | undefined;
}

export function textOf({ key, actor, id, command, args }: CommandRecord): string {
  return `${key} ${actor} '${id}'.${command}(${args.map((arg) => JSON.stringify(arg)).join(', ')})`;
}
