import { connect, createServer, type Server, type Socket } from 'node:net';
import { Lane } from './lane.js';
import { freePort } from './ports.js';
import { type Direction, FrameReader, isStart, isWrite } from './wire-frames.js';

export { isWrite } from './wire-frames.js';

const HOST = '127.0.0.1';

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** The network between an application and a RethinkDB server, in the hands of a test. */
export class FaultyNetwork {
  readonly host = HOST;
  /** How many answers were dropped after the server had done what was asked. */
  dropped = 0;
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #blackholes: ReadonlySet<Direction> = new Set();
  #isStalled = false;
  #delayMs = 0;
  #answersToDrop = 0;
  #wanted: (query: string) => boolean = isStart;

  private constructor(
    readonly target: Target,
    readonly port: number,
  ) {}

  static async start(target: Target): Promise<FaultyNetwork> {
    const network = new FaultyNetwork(target, await freePort());
    await network.#listen();
    return network;
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#links.size;
  }

  /** Ends all connections, in order or by a reset, and refuses new ones. */
  cut(how: 'close' | 'reset' = 'close'): void {
    this.#server?.close();
    this.#server = undefined;
    for (const link of this.#links) link.destroy(how);
  }

  /**
   * All is well again: no cut, no black hole, no stall, no delay. What a black hole took stays lost, so connections that
   * lost something end.
   */
  heal(): void {
    for (const link of this.#links) if (link.hasLost) link.destroy('close');
    this.#blackholes = new Set();
    this.delay(0);
    this.flow();
    // Listens before anybody who connects in this same turn gets there.
    if (!this.#server) void this.#listen();
  }

  /** Connections stay and new ones are taken, but nothing arrives that is sent in this direction, not even their end. */
  blackhole(direction: Direction | 'both' = 'both'): void {
    this.#blackholes = new Set<Direction>(direction === 'both' ? ['toServer', 'toClient'] : [direction]);
  }

  /** As `blackhole`. */
  swallow(...directions: Direction[]): void {
    this.#blackholes = new Set(directions);
  }

  /** Nothing arrives for now; all of it does when it flows again. */
  stall(): void {
    this.#isStalled = true;
  }

  flow(): void {
    this.#isStalled = false;
    for (const link of this.#links) link.flow();
  }

  /** What is sent from now on arrives so much later, in each direction. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /**
   * The server gets the next so many queries, and for each the connection ends when the answer comes back: it is done,
   * and who asked for it does not know. `wanted` chooses among new queries by their JSON, such as `isWrite`.
   */
  dropNextAnswers(count: number, wanted: (query: string) => boolean = isStart): void {
    this.#answersToDrop = count;
    this.#wanted = wanted;
  }

  dropAnswers(count: number): void {
    this.dropNextAnswers(count, isWrite);
  }

  async stop(): Promise<void> {
    const server = this.#server;
    const closed = server && new Promise((resolve) => server.once('close', resolve));
    this.cut();
    await closed;
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#join(client));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.port, HOST, resolve));
  }

  #join(client: Socket): void {
    const link = new Link(client, this.target, {
      isLost: (direction) => this.#blackholes.has(direction),
      isStalled: () => this.#isStalled,
      delayMs: () => this.#delayMs,
      isArmed: () => this.#answersToDrop > 0,
      isDoomed: (query) => {
        const isDoomed = this.#answersToDrop > 0 && isStart(query) && this.#wanted(query);
        if (isDoomed) this.#answersToDrop -= 1;
        return isDoomed;
      },
      dropped: () => {
        this.dropped += 1;
      },
    });
    this.#links.add(link);
    link.whenOver(() => this.#links.delete(link));
  }
}

export function startProxy(target: number | Target): Promise<FaultyNetwork> {
  return FaultyNetwork.start(typeof target === 'number' ? { host: HOST, port: target } : target);
}

/** What the weather is, asked for every chunk. */
interface Weather {
  isLost(direction: Direction): boolean;
  isStalled(): boolean;
  delayMs(): number;
  /** Whether any answer is to be dropped. */
  isArmed(): boolean;
  /** Whether the answer to this query is. */
  isDoomed(query: string): boolean;
  dropped(): void;
}

/** One connection: from the client to here, and from here to the server. */
class Link {
  /** Something that was sent never arrived. */
  hasLost = false;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #weather: Weather;
  readonly #lanes: readonly Lane[];
  /** Tokens of queries whose answers are to be dropped. */
  readonly #doomed = new Set<string>();
  readonly #queries: FrameReader;

  constructor(client: Socket, { host, port }: Target, weather: Weather) {
    this.#client = client;
    this.#server = connect({ port, host, allowHalfOpen: true });
    this.#weather = weather;
    this.#queries = new FrameReader('toServer', {
      begins: () => weather.isArmed(),
      completed: (token, query) => {
        if (weather.isDoomed(query)) this.#doomed.add(token);
      },
    });
    const toServer = (chunk: Buffer) => {
      this.#queries.read(chunk);
      if (this.#server.destroyed) this.#client.destroy();
      else this.#server.write(chunk);
    };
    this.#lanes = [
      this.#lane('toServer', this.#client, this.#server, toServer),
      this.#lane('toClient', this.#server, this.#client, this.#toClient()),
    ];
  }

  whenOver(over: () => void): void {
    for (const socket of [this.#client, this.#server]) {
      socket.once('close', () => this.#client.destroyed && this.#server.destroyed && over());
    }
  }

  flow(): void {
    for (const lane of this.#lanes) lane.flow();
  }

  destroy(how: 'close' | 'reset'): void {
    for (const lane of this.#lanes) lane.clear();
    for (const socket of [this.#client, this.#server]) end(socket, how);
  }

  #lane(direction: Direction, from: Socket, to: Socket, deliver: (chunk: Buffer) => void): Lane {
    const lane = new Lane(this.#weather);
    const send = (bring: () => void) => {
      if (this.#weather.isLost(direction)) this.hasLost = true;
      else lane.push(bring);
    };
    from.setNoDelay();
    from.on('data', (chunk: Buffer) => send(() => deliver(chunk)));
    from.on('end', () => send(() => to.end()));
    // Whoever is refused by the server or loses it is to see the same.
    from.on('error', () => send(() => end(to, 'reset')));
    return lane;
  }

  /** Passes answers on, up to the first that is to be dropped. */
  #toClient(): (chunk: Buffer) => void {
    let cutAt: number | undefined;
    let isSilent = false;
    const answers = new FrameReader('toClient', {
      begins: (token, at) => {
        if (!this.#doomed.delete(token)) return false;
        this.#weather.dropped();
        cutAt ??= Math.max(0, at);
        return false;
      },
    });
    return (chunk) => {
      answers.read(chunk);
      if (isSilent) this.#endWhenAllAnswered();
      // The client has gone by itself, and nobody is to be told: the server is to see that now.
      else if (this.#client.destroyed) this.#server.destroy();
      else if (cutAt === undefined) this.#client.write(chunk);
      else {
        isSilent = true;
        this.#client.write(chunk.subarray(0, cutAt), () => this.#client.destroy());
        this.#endWhenAllAnswered();
      }
    };
  }

  /** The server would give up what it still does for a connection that is gone. */
  #endWhenAllAnswered(): void {
    if (this.#doomed.size === 0) this.#server.destroy();
  }
}

function end(socket: Socket, how: 'close' | 'reset'): void {
  if (how === 'close') socket.destroy();
  else socket.resetAndDestroy();
}
