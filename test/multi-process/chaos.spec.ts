import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Store } from '../processes/cluster-node.js';
import { ClusterNode, endNodes, summaryOf } from '../support/cluster.js';
import { patientMs, slowdown } from '../support/machine-speed.js';
import { FaultyNetwork } from '../support/proxy.js';
import {
  describeWithRethinkDb,
  type RethinkDbProcess,
  startRethinkDbCluster,
  stopRethinkDb,
  withDriver,
} from '../support/rethinkdb.js';
import { randomFrom, seedFor } from '../support/seed.js';
import { storedEvents, tokensOf } from '../support/stores.js';

/** How long faults go on. Milliseconds. */
const CHAOS_MS = Number(process.env.CHAOS_MS ?? 30_000);
const NODES = 4;
const IDS = ['1', '2', '3'];
const CALLERS = 4;
const DATABASE = 'chaos';
/** Longest until every command works again, once all is well. Milliseconds. */
const RECOVERY_MS_MAX = 40_000;

describeWithRethinkDb('four processes on three RethinkDB servers, while everything fails that can', () => {
  const random = randomFrom(seedFor('chaos'));
  const nodes: (ClusterNode | undefined)[] = [];
  const ended: ClusterNode[] = [];
  const proxies: FaultyNetwork[][] = [];
  const faults = new Map<string, number>();
  let servers: RethinkDbProcess[] = [];
  let started = 0;

  const direct = (): Store => ({
    kind: 'rethinkdb',
    servers: servers.map(({ host, port }) => ({ host, port })),
    database: DATABASE,
  });

  async function startNode(place: number): Promise<void> {
    const own = proxies[place] as FaultyNetwork[];
    // Each begins with another server.
    const order = [...own.slice(place % 3), ...own.slice(0, place % 3)].map(({ host, port }) => ({ host, port }));
    const node = await ClusterNode.start(`node-${++started}`, {
      kind: 'rethinkdb',
      servers: order,
      database: DATABASE,
    });
    nodes[place] = node;
    await node.order({ do: 'load', callers: CALLERS, ids: IDS });
  }

  beforeAll(async () => {
    servers = await startRethinkDbCluster(3);
    await withDriver(servers[0] as RethinkDbProcess, async (r, run) => {
      await run(r.db('rethinkdb').table('cluster_config').get('heartbeat').update({ heartbeat_timeout_secs: 2 }));
    });
    for (let place = 0; place < NODES; place += 1) {
      proxies.push(await Promise.all(servers.map((server) => FaultyNetwork.start(server))));
    }
    await startNode(0);
    await Promise.all([1, 2, 3].map(startNode));
  });

  afterAll(async () => {
    await endNodes();
    await Promise.all(proxies.flat().map((proxy) => proxy.stop()));
    await stopRethinkDb();
  });

  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const place = () => Math.floor(random() * NODES);

  /** Every kind of fault: done, waited for, and undone. */
  const KINDS: Readonly<Record<string, () => Promise<void>>> = {
    'a database server killed': async () => {
      const server = await primary();
      await server.end();
      await sleep(3_000 + random() * 1_000);
      await server.restart();
    },
    'a process killed': async () => {
      const at = place();
      const node = nodes[at];
      if (!node) return;
      nodes[at] = undefined;
      await node.end('SIGKILL');
      ended.push(node);
      await sleep(random() * 500);
      await startNode(at);
    },
    'a process frozen for longer than its heartbeat': async () => {
      const node = nodes[place()];
      node?.signal('SIGSTOP');
      await sleep(2_500 + random() * 1_000);
      node?.signal('SIGCONT');
    },
    'a process cut off': async () => {
      const own = proxies[place()] as FaultyNetwork[];
      for (const proxy of own) proxy.cut();
      await sleep(500 + random() * 3_000);
      for (const proxy of own) proxy.heal();
    },
    'a connection that swallows what the server says': async () => swallow('toClient'),
    'a connection that swallows what the process says': async () => swallow('toServer'),
    'answers lost after the commit': async () => {
      for (const proxy of proxies[place()] as FaultyNetwork[]) proxy.dropAnswers(3);
      await sleep(300);
    },
  };

  async function swallow(direction: 'toServer' | 'toClient'): Promise<void> {
    const own = proxies[place()] as FaultyNetwork[];
    for (const proxy of own) proxy.swallow(direction);
    await sleep(1_000 + random() * 2_500);
    for (const proxy of own) proxy.heal();
  }

  /** The server that leads the table of commits. */
  async function primary(): Promise<RethinkDbProcess> {
    for (const server of servers) {
      try {
        const name = await withDriver(server, async (r, run) => {
          const status = r.db(DATABASE).table('commits').config().coerceTo('object');
          return ((await run(status)) as { shards: { primary_replica: string }[] }).shards[0]?.primary_replica;
        });
        const found = servers.find((each) => each.name === name);
        if (found) return found;
      } catch {
        // That one may be down; the next knows.
      }
    }
    return pick(servers);
  }

  it(
    'loses nothing that was acknowledged, does nothing twice, and ends in one state everywhere',
    async () => {
      const endMs = performance.now() + CHAOS_MS;
      const kinds = Object.keys(KINDS);
      for (let i = 0; performance.now() < endMs; i += 1) {
        // Each kind once, then at random.
        const kind = kinds[i] ?? pick(kinds);
        faults.set(kind, (faults.get(kind) ?? 0) + 1);
        await KINDS[kind]?.();
        await sleep(300 + random() * 700);
      }
      const dropped = proxies.flat().reduce((sum, proxy) => sum + proxy.dropped, 0);
      const alive = nodes.filter((node): node is ClusterNode => node !== undefined);

      // All is well: until every node can do everything again.
      const recoveryMs = await Promise.all(
        alive.flatMap((node, n) =>
          IDS.map(async (id) => {
            const beganMs = performance.now();
            await node.order({ do: 'take', actor: 'till', id, token: `well-${n}-${id}` });
            await node.order({ do: 'take', actor: 'purse', id, token: `well-${n}-${id}` });
            return performance.now() - beganMs;
          }),
        ),
      );
      await Promise.all(alive.map((node) => node.order({ do: 'rest' })));
      await sleep(2_000);

      const acknowledged = [...ended, ...alive].flatMap((node) => node.acknowledged);
      const failed = [...ended, ...alive].flatMap((node) => node.failed);
      process.stdout.write(
        `chaos: ${acknowledged.length} commands acknowledged, ${failed.length} failed with an error (${countsOf(failed)}); ${dropped} answers lost; faults: ` +
          `${[...faults].map(([kind, count]) => `${count}x ${kind}`).join(', ')}; well again: ${summaryOf(recoveryMs)}\n`,
      );
      for (const kind of ['till', 'purse'] as const) {
        for (const id of IDS) await expectWhole(kind, id, acknowledged, alive);
      }
      expect(Math.max(...recoveryMs)).toBeLessThan(RECOVERY_MS_MAX * slowdown());
      expect(acknowledged.length).toBeGreaterThan(100);
    },
    CHAOS_MS + patientMs(180_000),
  );

  async function expectWhole(
    kind: 'till' | 'purse',
    id: string,
    acknowledged: readonly string[],
    alive: readonly ClusterNode[],
  ): Promise<void> {
    const stream = `${kind}-${id}`;
    const [events = []] = await storedEvents(direct(), stream);
    const tokens = tokensOf(events);
    expect(events.map(({ version }) => version)).toEqual(events.map((_, i) => i + 1));
    const stored = new Set(tokens);
    expect(tokens.length - stored.size).toBe(0);
    const own = acknowledged
      .filter((line) => line.startsWith(`${stream} `))
      .map((line) => line.split(' ')[1] as string);
    expect(own.filter((token) => !stored.has(token))).toEqual([]);
    for (const node of alive) {
      const seen = await node.order<{ state: { tokens: string[] }; version: number }>({ do: 'state', actor: kind, id });
      expect(seen.version).toBe(events.length);
      expect(seen.state.tokens).toEqual(tokens);
    }
  }
});

/** How many of each code. */
function countsOf(failed: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const line of failed) {
    const code = line.split(' ')[2] as string;
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return [...counts].map(([code, count]) => `${count}x ${code}`).join(', ');
}
