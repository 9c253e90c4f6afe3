import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Engine } from '../../lib/engine/duties/engine.js';
import { defineActor } from '../../lib/kernel/defining/actor-definition.js';
import { LISTENING_EVENT, type ListeningData } from '../../lib/kernel/framework/listening-state.js';
import type { EventRecord } from '../../lib/kernel/values/event.js';
import { Runtime } from '../../lib/runtime/node/runtime.js';
import { linesOf } from '../processes/ledger.js';
import { CALLED, type Note, Source } from '../processes/listening-actors.js';
import type { Kind } from '../processes/listening-node.js';
import { endListeningNodes, ListeningNode } from '../support/listening-nodes.js';
import { patientMs } from '../support/machine-speed.js';
import { silent } from '../support/runtime.js';
import { randomFrom, seedFor } from '../support/seed.js';
import { describeOnSharedStores, engineOn, type SharedStore } from '../support/stores.js';

/** How long things go wrong. Milliseconds. */
const FAULTS_MS = Number(process.env.LISTENING_MS ?? 8_000);
/** Longest until everything was reacted to, once nothing goes wrong any more. Milliseconds. */
const SETTLE_MS_MAX = 90_000;
const NODES = 3;
const HEARTBEAT_MS = 1_000;
/** Longest that an order is waited for before the next is given. Milliseconds. */
const ORDER_MS_MAX = 2_000;
const KINDS: readonly Kind[] = ['live', 'plain', 'one'];
const SOURCES = ['source-a', 'source-b', 'source-c'];
/** Followed and left time and again. */
const FLICKER = 'source-flicker';
const EVERY_SOURCE = [...SOURCES, FLICKER];
/** Most events of a source at once, and the longest that it is silent then (milliseconds): a database on one disk stores fewer commits than a file does. */
const TALK = { sqlite: { burstMax: 16, pauseMs: 250 }, rethinkdb: { burstMax: 8, pauseMs: 400 } } as const;

describeOnSharedStores('actors of every kind that listen in every way, on three processes', (open) => {
  const random = randomFrom(seedFor('listening'));
  const nodes: (ListeningNode | undefined)[] = [];
  const faults = new Map<string, number>();
  /** What is stored, by stream; read on from where it was read last. */
  const streams = new Map<string, EventRecord[]>();
  let folder: string;
  let shared: SharedStore;
  let engine: Engine;
  let talker: Runtime;
  let started = 0;
  let talking = true;
  let said = 0;
  let talks: Promise<void>[] = [];
  const acknowledged: (() => void)[] = [];

  const ledger = () => join(folder, 'ledger.db');
  const limits = { heartbeatTimeoutMs: HEARTBEAT_MS, passivateAfterMs: 400 };
  async function start(place: number): Promise<void> {
    nodes[place] = await ListeningNode.start({
      store: shared.store,
      nodeId: `node-${++started}`,
      ledger: ledger(),
      ...limits,
    });
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'omniscient-ledger-'));
    shared = await open();
    engine = engineOn(shared.store);
    talker = new Runtime({ engine, log: silent, nodeId: 'talker' });
    await talker.start();
    for (let place = 0; place < NODES; place += 1) await start(place);
    for (const kind of KINDS) {
      for (const source of SOURCES) await nodes[0]?.order({ do: 'follow', kind, source });
    }
    for (const kind of KINDS) {
      const begun = () => beginningsOf(read(`${kind}-resident`));
      while (!(await begun()).has('onNamed') || !(await begun()).has('listenTo:coded')) await sleep(20);
    }
  });

  afterAll(async () => {
    talking = false;
    await Promise.allSettled(talks);
    await endListeningNodes();
    await talker?.stop();
    await shared?.stop();
    rmSync(folder, { recursive: true });
  });

  async function read(streamId: string): Promise<readonly EventRecord[]> {
    const events = streams.get(streamId) ?? [];
    streams.set(streamId, events);
    for (;;) {
      const page = await engine.readStream(streamId, events.length, 1_000);
      if (page.length === 0) return events;
      events.push(...page);
    }
  }

  async function notes(streamId: string, way: Note['way'], source: string): Promise<number[]> {
    const noted = (await read(streamId)).filter(({ name }) => name === 'noted');
    return noted
      .map(({ data }) => JSON.parse(data) as Note)
      .filter((note) => note.way === way && note.source === source)
      .map(({ n }) => n);
  }

  /** Talks in bursts, whoever listens. */
  async function talk(source: string): Promise<void> {
    const definition = defineActor(Source);
    const sources = talker.register<Source>(definition, () => new Source());
    const ref = await sources.get(source.slice(definition.prefix.length));
    while (talking) {
      const { burstMax, pauseMs } = TALK[shared.store.kind];
      const burst = 1 + Math.floor(random() * burstMax);
      await Promise.all(Array.from({ length: burst }, () => ref.say(`${++said}`)));
      for (const wake of acknowledged.splice(0)) wake();
      await sleep(20 + random() * pauseMs);
    }
  }

  /** Some time after the next event is acknowledged: between hearing, firing and storing what comes of it. */
  async function inTheMiddle(): Promise<void> {
    await new Promise<void>((resolve) => acknowledged.push(resolve));
    await sleep(random() * 30);
  }

  const place = () => Math.floor(random() * NODES);
  async function kill(at: number): Promise<void> {
    await nodes[at]?.end('SIGKILL');
    nodes[at] = undefined;
  }

  /** Every kind of fault: done, waited for, and undone. */
  const FAULTS: Readonly<Record<string, () => Promise<void>>> = {
    'a process killed': async () => {
      const at = place();
      await inTheMiddle();
      await kill(at);
      await sleep(random() * 400);
      await start(at);
    },
    'all processes killed': async () => {
      await inTheMiddle();
      await Promise.all(nodes.map((_, at) => kill(at)));
      await sleep(500 + random() * 500);
      await Promise.all(nodes.map((_, at) => start(at)));
    },
    'a process frozen for longer than its heartbeat': async () => {
      const node = nodes[place()];
      await inTheMiddle();
      node?.signal('SIGSTOP');
      await sleep(HEARTBEAT_MS * (1.5 + random()));
      node?.signal('SIGCONT');
    },
    'a rebuild': async () => {
      await nodes[place()]?.order({ do: 'rebuild' });
    },
  };

  /** Follows a source and leaves it, in spite of everything. */
  async function flicker(): Promise<void> {
    while (talking) {
      for (const verb of ['follow', 'unfollow'] as const) {
        const orders = KINDS.map((kind) => nodes[place()]?.order({ do: verb, kind, source: FLICKER }));
        // One that finds no end ends with the process that it was given to.
        await Promise.race([Promise.allSettled(orders), sleep(ORDER_MS_MAX)]);
        await sleep(50 + random() * 300);
      }
    }
  }

  it(
    'react to every event once, in order, whatever is killed or frozen; a projection gets each once',
    async () => {
      const beganMs = performance.now();
      talks = [...EVERY_SOURCE.map(talk), flicker()];
      const kinds = Object.keys(FAULTS);
      for (let i = 0; performance.now() < beganMs + FAULTS_MS; i += 1) {
        const kind = kinds[i] ?? (kinds[Math.floor(random() * kinds.length)] as string);
        await FAULTS[kind]?.();
        faults.set(kind, (faults.get(kind) ?? 0) + 1);
        await sleep(random() * 300);
      }
      talking = false;
      await Promise.all(talks);
      const faultsMs = performance.now() - beganMs;
      const expected = await expectedNotes();
      while (!(await isSettled(expected)) && performance.now() < beganMs + faultsMs + patientMs(SETTLE_MS_MAX))
        await sleep(100);
      const settledMs = performance.now() - beganMs - faultsMs;
      // What is done twice may come late.
      await sleep(2 * HEARTBEAT_MS);

      let reactions = 0;
      for (const { streamId, way, source, ns } of expected) {
        const found = await notes(streamId, way, source);
        reactions += found.length;
        expect({ streamId, way, source, ns: found }).toEqual({ streamId, way, source, ns });
      }
      for (const kind of KINDS) reactions += await expectWholeIntervals(`${kind}-resident`);
      const { generation, tokens } = await readModel();
      expect(tokens).toEqual(await tokensInOrder());
      process.stdout.write(
        `listening, ${shared.store.kind}: ${said} events, ${reactions} reactions stored once each, ${tokens.length} projected (generation ${generation}); ` +
          `${[...faults].map(([kind, count]) => `${count}x ${kind}`).join(', ')} in ${Math.round(faultsMs)} ms; ` +
          `all there ${Math.round(settledMs)} ms later\n`,
      );
      expect(said).toBeGreaterThan(100);
    },
    20 * 60_000,
  );

  interface Expected {
    readonly streamId: string;
    readonly way: Note['way'];
    readonly source: string;
    readonly ns: readonly number[];
  }

  async function expectedNotes(): Promise<Expected[]> {
    const expected: Expected[] = [];
    for (const source of EVERY_SOURCE) {
      const all = (await read(source)).map(({ version }) => version);
      for (const kind of KINDS) {
        const streamId = `${kind}-resident`;
        for (const way of ['named', 'coded'] as const) expected.push({ streamId, way, source, ns: all });
        if (source !== FLICKER) expected.push({ streamId, way: 'followed', source, ns: all });
        for (let id = 0; id < CALLED; id += 1) {
          const ns = all.filter((version) => version % CALLED === id);
          expected.push({ streamId: `called-${kind}-${id}`, way: 'called', source, ns });
        }
      }
    }
    return expected;
  }

  async function isSettled(expected: readonly Expected[]): Promise<boolean> {
    for (const { streamId, way, source, ns } of expected) {
      if ((await notes(streamId, way, source)).length < ns.length) return false;
    }
    const { isRebuilding, tokens } = await readModel();
    return !isRebuilding && tokens.length >= said;
  }

  /** Each time that listening began it began where it says, and left nothing out from there on. */
  async function expectWholeIntervals(streamId: string): Promise<number> {
    let next: number | undefined;
    let heard = 0;
    for (const { name, data } of await read(streamId)) {
      if (name === LISTENING_EVENT) {
        const { listener, begin, end } = JSON.parse(data) as ListeningData;
        if (listener !== 'onFollowed') continue;
        if (end.includes(FLICKER)) next = undefined;
        const begun = begin.find(({ source }) => source === FLICKER);
        if (begun) next ??= begun.after + 1;
      } else if (name === 'noted') {
        const note = JSON.parse(data) as Note;
        if (note.way !== 'followed' || note.source !== FLICKER) continue;
        expect({ streamId, n: note.n }).toEqual({ streamId, n: next });
        next = note.n + 1;
        heard += 1;
      }
    }
    return heard;
  }

  async function readModel(): Promise<{ generation: number; isRebuilding: boolean; tokens: string[] }> {
    const { value } = (await engine.loadCheckpoint('$projection-Ledger')) ?? { value: '{"generation":1}' };
    const { generation, next } = JSON.parse(value) as { generation: number; next?: object };
    return { generation, isRebuilding: next !== undefined, tokens: linesOf(ledger(), generation) };
  }

  async function tokensInOrder(): Promise<string[]> {
    const events: EventRecord[] = [];
    for (let after = 0; ; ) {
      const page = await engine.readAll(after, 1_000, ['said']);
      events.push(...page.events);
      if (page.ended) return events.map(({ data }) => (JSON.parse(data) as { token: string }).token);
      after = page.upTo;
    }
  }
});

/** Listeners of which it is written down that they began. */
async function beginningsOf(events: Promise<readonly EventRecord[]>): Promise<Set<string>> {
  const begun = (await events).filter(({ name }) => name === LISTENING_EVENT);
  return new Set(begun.map(({ data }) => (JSON.parse(data) as ListeningData).listener));
}
