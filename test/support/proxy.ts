import { connect, createServer, type Server, type Socket } from 'node:net';

/** Bytes before a frame's content: token and length. */
const HEADER_BYTES = 12;

/** The network between an application and a RethinkDB server, in the hands of a test. */
export class FaultyNetwork {
  readonly host = '127.0.0.1';
  #server: Server | undefined;
  #port = 0;
  readonly #pairs = new Set<{ client: Socket; server: Socket }>();
  #isCut = false;
  #swallow: ReadonlySet<'toServer' | 'toClient'> = new Set();
  #answersToDrop = 0;
  /** How many answers were dropped after the server had done what was asked. */
  dropped = 0;

  private constructor(readonly target: { host: string; port: number }) {}

  static async start(target: { host: string; port: number }): Promise<FaultyNetwork> {
    const proxy = new FaultyNetwork(target);
    const server = createServer((client) => proxy.#join(client));
    proxy.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy.#port = (server.address() as { port: number }).port;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Ends all connections and takes no new ones. */
  cut(): void {
    this.#isCut = true;
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  /** Connections stay, and what is sent in these directions never arrives. */
  swallow(...directions: ('toServer' | 'toClient')[]): void {
    this.#swallow = new Set(directions);
  }

  /** All is well again; what was swallowed stays lost, so connections that lost something end. */
  heal(): void {
    if (this.#swallow.size > 0) this.cut();
    this.#isCut = false;
    this.#swallow = new Set();
  }

  /** The next so many answers to writes are lost together with their connections. */
  dropAnswers(count: number): void {
    this.#answersToDrop = count;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #join(client: Socket): void {
    if (this.#isCut) {
      client.destroy();
      return;
    }
    const server = connect(this.target.port, this.target.host);
    const pair = { client, server };
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    const writes = new Writes();
    client.on('data', (chunk: Buffer) => {
      if (this.#swallow.has('toServer')) return;
      writes.asked(chunk);
      server.write(chunk);
    });
    server.on('data', (chunk: Buffer) => {
      if (this.#swallow.has('toClient')) return;
      if (this.#answersToDrop > 0 && writes.isAnswer(chunk)) {
        this.#answersToDrop -= 1;
        this.dropped += 1;
        end();
        return;
      }
      client.write(chunk);
    });
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
  }
}

/** Knows which answers are those of inserts. Queries are smaller than what TCP splits here, or their beginning is enough. */
class Writes {
  readonly #tokens = new Set<string>();

  asked(chunk: Buffer): void {
    for (let at = 0; at + HEADER_BYTES < chunk.length; ) {
      const length = chunk.readUInt32LE(at + 8);
      const content = chunk.toString('utf8', at + HEADER_BYTES, Math.min(chunk.length, at + HEADER_BYTES + 40));
      // START, INSERT.
      if (content.startsWith('[1,[56,')) this.#tokens.add(chunk.toString('hex', at, at + 8));
      at += HEADER_BYTES + length;
    }
  }

  isAnswer(chunk: Buffer): boolean {
    return chunk.length > HEADER_BYTES && this.#tokens.delete(chunk.toString('hex', 0, 8));
  }
}
