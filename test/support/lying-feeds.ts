import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Target } from './proxy.js';

/** Bytes before a frame's content: token and length. */
const HEADER_BYTES = 12;
/** A query's kind of answer that carries changes: SUCCESS_PARTIAL. */
const PARTIAL = 3;

/** What is made of the changes of one answer; `undefined`: the answer never comes. */
export type Rewrite = (changes: unknown[]) => unknown[] | undefined;

/** A way to a server on which changefeeds say what a test wants them to say, and everything else is as it is. */
export class LyingFeeds {
  readonly host = '127.0.0.1';
  rewrite: Rewrite | undefined;
  /** How many answers with changes were rewritten. */
  rewritten = 0;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  static async start(target: Target): Promise<LyingFeeds> {
    const liar = new LyingFeeds();
    const server = createServer((client) => liar.#join(client, target));
    liar.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    liar.#port = (server.address() as { port: number }).port;
    return liar;
  }

  get port(): number {
    return this.#port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #join(client: Socket, target: Target): void {
    const server = connect(target.port, target.host);
    let isFeed = false;
    let rest: Buffer = Buffer.alloc(0);
    client.on('data', (chunk: Buffer) => {
      // CHANGES, somewhere in a query; nobody has sent anything else on this connection before that has not been answered.
      isFeed ||= chunk.includes('[152,');
      server.write(chunk);
    });
    server.on('data', (chunk: Buffer) => {
      if (!isFeed) {
        client.write(chunk);
        return;
      }
      rest = Buffer.concat([rest, chunk]);
      for (let end = endOf(rest); end > 0 && end <= rest.length; end = endOf(rest)) {
        const frame = this.#told(rest.subarray(0, end));
        if (frame) client.write(frame);
        rest = rest.subarray(end);
      }
    });
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      const end = () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      };
      socket.on('error', end).on('close', end);
    }
  }

  #told(frame: Buffer): Buffer | undefined {
    const answer = JSON.parse(frame.toString('utf8', HEADER_BYTES)) as { t: number; r: unknown[] };
    if (!this.rewrite || answer.t !== PARTIAL || answer.r.length === 0) return frame;
    this.rewritten += 1;
    const changes = this.rewrite(answer.r);
    if (!changes) return undefined;
    const content = Buffer.from(JSON.stringify({ ...answer, r: changes }));
    const header = Buffer.from(frame.subarray(0, HEADER_BYTES));
    header.writeUInt32LE(content.length, 8);
    return Buffer.concat([header, content]);
  }
}

/** Where the first frame ends; 0 if that is not known yet. */
function endOf(bytes: Buffer): number {
  return bytes.length < HEADER_BYTES ? 0 : HEADER_BYTES + bytes.readUInt32LE(8);
}
