import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryEngine } from 'omniscient-nest/memory';
import { type RemoteCall, type Reply } from '../../../lib/runtime/cluster/remote-call.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { Desk } from '../../support/one-actors.js';
import { InProcessCluster } from '../../support/one-cluster.js';

interface Envelope {
  readonly from: string;
  readonly incarnation: string;
  readonly to?: string;
  readonly body: RemoteCall & { readonly call: number };
}

let cluster: InProcessCluster;
let node: Runtime;
let peer: MemoryEngine;
let sent: Envelope[];

beforeEach(async () => {
  cluster = new InProcessCluster();
  ({ node } = await cluster.start(Desk, 'a', { heartbeatTimeoutMs: 60_000, leaderTimeoutMs: 500 }));
  await cluster.seen();
  sent = [];
  peer = new MemoryEngine({ store: cluster.store });
  await peer.open();
  await peer.receive('peer', (texts) => sent.push(...texts.map((text) => JSON.parse(text) as Envelope)));
});
afterEach(() => cluster.stopAll());

let count = 0;

/** The peer's reply to what it was sent. */
async function reply({ from, incarnation, body }: Envelope, answer: Reply): Promise<void> {
  count += 1;
  const message = { commandId: body.commandId, call: body.call, reply: answer };
  const envelope = {
    from: 'peer',
    incarnation: 'peer-1',
    to: incarnation,
    number: count,
    kind: 'reply',
    body: message,
  };
  await peer.send([{ to: from, text: JSON.stringify(envelope) }]);
}

const command: RemoteCall = {
  commandId: 'c1',
  correlationId: 'c1',
  causationId: null,
  chain: [],
  actor: 'Desk',
  id: 'd',
  command: 'sell',
  args: '{"args":[],"missing":[]}',
  since: 0,
  term: 1,
  again: false,
};

describe('RemoteCalls', () => {
  it('ends a call by the reply to it, and not by one to an earlier call of the same command to the same node', async () => {
    const { calls } = node.parts.cluster;
    expect(await calls.call('peer', 'peer-1', command)).toEqual({ kind: 'silent' });
    const second = calls.call('peer', 'peer-1', { ...command, term: 3, again: true });
    await eventually(() => sent.length === 2);
    // What was decided in a term that is over says nothing of what the term that runs will do.
    await reply(sent[0] as Envelope, { kind: 'failed', version: 1, error: '{"value":"no"}' });
    await reply(sent[1] as Envelope, { kind: 'answered', version: 2, answer: '1' });
    expect(await second).toEqual({ kind: 'answered', version: 2, answer: '1' });
    expect(calls.size).toBe(0);
  });

  it('sends a call to one start of a node, and takes a reply to its own start alone', async () => {
    const { calls } = node.parts.cluster;
    const call = calls.call('peer', 'peer-7', command);
    await eventually(() => sent.length === 1);
    const message = sent[0] as Envelope;
    expect(message.to).toBe('peer-7');
    await reply({ ...message, incarnation: 'a as it was before' }, { kind: 'answered', version: 1 });
    await reply(message, { kind: 'answered', version: 2 });
    expect(await call).toEqual({ kind: 'answered', version: 2 });
  });
});
