import type { RuntimeParts } from '../settings.js';
import { CallQueue, type WaitingCall } from './call-queue.js';
import type { Cluster } from './cluster.js';

/** A command on its way to the leader. */
export interface RemoteCall {
  readonly commandId: string;
  readonly correlationId: string;
  readonly causationId: string | null;
  /** The span that it belongs to (W3C Trace Context). */
  readonly traceparent?: string | undefined;
  /** Name of the actor class, and the id. */
  readonly actor: string;
  readonly id: string;
  readonly command: string;
  /** JSON, as `encodeArguments` makes it. */
  readonly args: string;
  /** Version up to which the caller knows the stream; nothing of this command is stored before that. */
  readonly since: number;
  /** It was sent before, and nobody knows what became of it. */
  readonly again: boolean;
  /** The actors whose turns wait for this call. */
  readonly chain: readonly string[];
}

/** What came of a call. `version` is that of the stream when it was answered. */
export type Reply =
  | { readonly kind: 'answered'; readonly version: number; readonly answer?: string }
  | { readonly kind: 'failed'; readonly version: number; readonly error: string }
  /** It was not run there: that node does not lead, leaves, or has no such class, so that it can't lead. */
  | { readonly kind: 'refused'; readonly version: number; readonly leaving: boolean; readonly unregistered?: boolean };

/** No answer: the node died, did not answer in time, or shows no sign of life. The command may have been run. */
export type NoReply = { readonly kind: 'gone' | 'silent' | 'quiet' };

/** Runs a call that came from another node. Must not throw. */
export type CallServer = (call: RemoteCall) => Promise<Reply>;

/** Calls to other nodes and from them. Each ends: with a reply, when the node dies or has been quiet for too long, or after `leaderTimeoutMs` without a reply to it or to one that was sent before it. */
export class RemoteCalls {
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #pending = new Map<string, WaitingCall>();
  /** By node and actor. */
  readonly #queues = new Map<string, CallQueue>();

  constructor(parts: RuntimeParts, cluster: Cluster) {
    this.#parts = parts;
    this.#cluster = cluster;
    cluster.membership.onGone((nodeId) => this.#endAll(nodeId, { kind: 'gone' }));
    cluster.membership.onQuiet((nodeId) => this.#endAll(nodeId, { kind: 'quiet' }));
    cluster.post.on('reply', (body: { commandId: string; reply: Reply }, from) => this.#replied(body, from));
  }

  /** How many calls wait for a reply. */
  get size(): number {
    return this.#pending.size;
  }

  /** Who runs what other nodes ask for. */
  serveWith(server: CallServer): void {
    this.#cluster.post.on('call', (call: RemoteCall, from) => void this.#serve(server, call, from));
  }

  call(to: string, call: RemoteCall): Promise<Reply | NoReply> {
    return new Promise((settle) => {
      const { commandId } = call;
      this.#pending.set(commandId, this.#queueTo(to, call).add(commandId, to, settle));
      this.#cluster.post.send(to, 'call', call);
    });
  }

  /** Ends every call that is still under way, as if its node had gone. */
  close(): void {
    for (const commandId of [...this.#pending.keys()]) this.#settle(commandId, { kind: 'gone' });
  }

  async #serve(server: CallServer, call: RemoteCall, from: string): Promise<void> {
    const reply = await server(call);
    this.#cluster.post.send(from, 'reply', { commandId: call.commandId, reply });
  }

  #replied({ commandId, reply }: { commandId: string; reply: Reply }, from: string): void {
    const pending = this.#pending.get(commandId);
    // One that comes after the call was given up, or from somebody who was asked before.
    if (pending?.to !== from) return;
    this.#settle(commandId, reply);
  }

  #queueTo(to: string, { actor, id }: RemoteCall): CallQueue {
    const place = `${to}\0${actor}\0${id}`;
    let queue = this.#queues.get(place);
    if (queue) return queue;
    const { limits, environment } = this.#parts;
    const silent = ({ commandId }: WaitingCall) => this.#settle(commandId, { kind: 'silent' });
    queue = new CallQueue(limits.leaderTimeoutMs, silent, environment);
    queue.onEmpty = () => this.#queues.delete(place);
    this.#queues.set(place, queue);
    return queue;
  }

  #endAll(nodeId: string, how: NoReply): void {
    for (const [commandId, { to }] of [...this.#pending]) {
      if (to === nodeId) this.#settle(commandId, how);
    }
  }

  #settle(commandId: string, reply: Reply | NoReply): void {
    const pending = this.#pending.get(commandId);
    if (!pending) return;
    this.#pending.delete(commandId);
    pending.queue.remove(pending, 'version' in reply);
    pending.settle(reply);
  }
}

/** Arguments as JSON; `undefined` ones, which JSON has not, by their places. */
export function encodeArguments(args: readonly unknown[], check: (value: unknown, place: number) => string): string {
  const texts = args.map((arg, place) => (arg === undefined ? 'null' : check(arg, place)));
  const missing = args.flatMap((arg, place) => (arg === undefined ? [place] : []));
  return `{"args":[${texts.join(',')}],"missing":${JSON.stringify(missing)}}`;
}

export function decodeArguments(text: string): unknown[] {
  const { args, missing } = JSON.parse(text) as { args: unknown[]; missing: number[] };
  for (const place of missing) args[place] = undefined;
  return args;
}
