import type { RuntimeParts } from '../parts/index.js';
import { CallQueue, type WaitingCall } from './call-queue.js';
import type { Membership } from './membership.js';
import type { MessageTransport } from './message-transport.js';
import type { CallServer, NoReply, RemoteCall, Reply } from './remote-call.js';

/**
 * Calls to other nodes and from them. Each call ends: with a reply, when the node dies or has shown no sign of life for
 * too long, or after `leaderTimeoutMs` without a reply to it or to an earlier call. A command may be sent several
 * times. A reply ends only the very call that it answers.
 */
export class RemoteCalls {
  readonly #parts: RuntimeParts;
  readonly #cluster: ClusterParts;
  /** By the caller's number for the call. */
  readonly #pending = new Map<number, PendingCall>();
  /** By node and actor. */
  readonly #queues = new Map<string, CallQueue>();
  #calls = 0;

  constructor(parts: RuntimeParts, cluster: ClusterParts) {
    this.#parts = parts;
    this.#cluster = cluster;
    cluster.membership.onGone((nodeId) => this.#endAll(nodeId, { kind: 'gone' }));
    cluster.membership.onSuspect((nodeId) => this.#endAll(nodeId, { kind: 'quiet' }));
    cluster.transport.on('reply', (body: ReplyMessage, from) => this.#replied(body, from));
  }

  /** How many calls wait for a reply. */
  get size(): number {
    return this.#pending.size;
  }

  /** Sets what runs the calls of other nodes. */
  serveWith(server: CallServer): void {
    this.#cluster.transport.on('call', (call: SentCall, from, incarnation) => {
      void this.#serve(server, call, { from, incarnation });
    });
  }

  /** @param incarnation the incarnation of that node which must run it; no other one gets it. */
  call(to: string, incarnation: string | undefined, call: RemoteCall): Promise<Reply | NoReply> {
    return new Promise((settle) => {
      const { commandId } = call;
      const number = ++this.#calls;
      this.#pending.set(number, { commandId, waiting: this.#queueTo(to, call).add(number, to, settle) });
      this.#cluster.transport.send(to, 'call', { ...call, call: number } satisfies SentCall, incarnation);
    });
  }

  /** Ends every call that is still under way, as if its node had gone. */
  close(): void {
    for (const call of [...this.#pending.keys()]) this.#settle(call, { kind: 'gone' });
  }

  async #serve(
    server: CallServer,
    { call, ...what }: SentCall,
    caller: { readonly from: string; readonly incarnation: string },
  ): Promise<void> {
    const reply = await server(what);
    const answer: ReplyMessage = { commandId: what.commandId, call, reply };
    this.#cluster.transport.send(caller.from, 'reply', answer, caller.incarnation);
  }

  #replied({ commandId, call = this.#callOf(commandId), reply }: ReplyMessage, from: string): void {
    const pending = this.#pending.get(call);
    // The call may have been given up. A reply to it says nothing about a later one.
    if (pending?.waiting.to !== from || pending.commandId !== commandId) return;
    this.#settle(call, reply);
  }

  /** Finds the call for a reply that does not say which call it answers; 0 if there is none. */
  #callOf(commandId: string): number {
    for (const [call, pending] of this.#pending) if (pending.commandId === commandId) return call;
    return 0;
  }

  #queueTo(to: string, { actor, id }: RemoteCall): CallQueue {
    const place = `${to}\0${actor}\0${id}`;
    let queue = this.#queues.get(place);
    if (queue) return queue;
    const { limits, environment } = this.#parts;
    const silent = ({ call }: WaitingCall) => this.#settle(call, { kind: 'silent' });
    queue = new CallQueue(limits.leaderTimeoutMs, silent, environment);
    queue.onEmpty = () => this.#queues.delete(place);
    this.#queues.set(place, queue);
    return queue;
  }

  #endAll(nodeId: string, how: NoReply): void {
    for (const [call, { waiting }] of [...this.#pending]) {
      if (waiting.to === nodeId) this.#settle(call, how);
    }
  }

  #settle(call: number, reply: Reply | NoReply): void {
    const waiting = this.#pending.get(call)?.waiting;
    if (!waiting) return;
    this.#pending.delete(call);
    waiting.queue.remove(waiting, 'version' in reply);
    waiting.settle(reply);
  }
}

/** What calls need of the cluster. */
interface ClusterParts {
  readonly membership: Membership;
  readonly transport: MessageTransport;
}

interface ReplyMessage {
  readonly commandId: string;
  /** Which of the caller's calls it answers. Older nodes omit it. */
  readonly call?: number | undefined;
  readonly reply: Reply;
}

interface PendingCall {
  readonly commandId: string;
  readonly waiting: WaitingCall;
}

/** A call as it is sent, with the caller's number for it. */
type SentCall = RemoteCall & { readonly call?: number | undefined };

/** Encodes arguments as JSON. JSON has no `undefined`, so the indexes of such arguments are listed. */
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
