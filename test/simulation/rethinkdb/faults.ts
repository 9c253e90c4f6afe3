import type { Chance } from './chance.js';
import type { Cluster } from './cluster.js';
import type { Network } from './network.js';
import type { Simulation } from './simulation.js';

/** One kind of fault: done, and undone after so long. */
type Kind = (simulation: Simulation, chance: Chance) => { readonly undo: () => void; readonly ms: number };

const server = (cluster: Cluster, chance: Chance) => chance.int(cluster.servers.length);
const nothing = () => {};

function onPaths(
  simulation: Simulation,
  chance: Chance,
  change: (network: Network, node: string, server: number) => void,
): void {
  const node = chance.pick(simulation.nodes).place.name;
  const isAll = chance.in(0.5);
  for (const { index } of simulation.cluster.servers) {
    if (isAll || chance.in(0.4)) change(simulation.network, node, index);
  }
}

export const FAULTS: Readonly<Record<string, Kind>> = {
  'a server is killed': ({ cluster, network }, chance) => {
    const index = server(cluster, chance);
    cluster.kill(index);
    network.breakAll((connection) => connection.server === index);
    return { undo: () => cluster.start(index), ms: chance.skewed(200, 4_000) };
  },
  'a server is frozen': ({ cluster }, chance) => {
    const index = server(cluster, chance);
    cluster.freeze(index);
    return { undo: () => cluster.thaw(index), ms: chance.skewed(200, 4_000) };
  },
  'a server is cut off from the others': ({ cluster }, chance) => {
    const index = server(cluster, chance);
    for (const other of cluster.servers) if (other.index !== index) cluster.cut(index, other.index);
    return { undo: () => cluster.heal(), ms: chance.skewed(300, 4_000) };
  },
  'two servers are cut off from each other': ({ cluster }, chance) => {
    const [one, other] = chance.shuffled(cluster.servers);
    cluster.cut(one?.index ?? 0, other?.index ?? 0);
    return { undo: () => cluster.heal(), ms: chance.skewed(300, 4_000) };
  },
  'a table gets another primary': ({ cluster }, chance) => {
    const named = cluster.tables.filter(
      ({ name, isDropped }) => !isDropped && (chance.in(0.3) || name === 'commits' || name === 'log'),
    );
    cluster.elect(chance.pick(named));
    return { undo: nothing, ms: 0 };
  },
  'all tables get other primaries, in turn': ({ cluster, time }, chance) => {
    for (const table of cluster.tables) time.after(chance.between(0, 1_000), () => cluster.elect(table));
    return { undo: nothing, ms: 0 };
  },
  'a node is cut off from servers': (simulation, chance) => {
    onPaths(simulation, chance, (network, node, index) => network.cut(node, index));
    return { undo: () => simulation.network.heal(), ms: chance.skewed(100, 4_000) };
  },
  'queries are swallowed': (simulation, chance) => {
    onPaths(simulation, chance, (network, node, index) => {
      network.pathOf(node, index).swallowsQueries = true;
    });
    return { undo: () => simulation.network.heal(), ms: chance.skewed(100, 4_000) };
  },
  'answers are swallowed': (simulation, chance) => {
    onPaths(simulation, chance, (network, node, index) => {
      network.pathOf(node, index).swallowsAnswers = true;
    });
    return { undo: () => simulation.network.heal(), ms: chance.skewed(100, 4_000) };
  },
  'queries and answers are lost at random': ({ network }, chance) => {
    network.faultRate = chance.skewed(0.01, 0.3);
    return { undo: () => network.heal(), ms: chance.skewed(300, 4_000) };
  },
  'everything is slow': ({ cluster }, chance) => {
    cluster.slowness = chance.skewed(3, 60);
    return { undo: () => (cluster.slowness = 1), ms: chance.skewed(300, 4_000) };
  },
  'a node is killed': (simulation, chance) => {
    const node = chance.pick(simulation.nodes);
    node.kill();
    return { undo: () => simulation.replace(node), ms: chance.skewed(100, 4_000) };
  },
  'a node is frozen': (simulation, chance) => {
    const { machine } = chance.pick(simulation.nodes);
    machine.freeze();
    return { undo: () => machine.thaw(), ms: chance.skewed(100, 4_000) };
  },
};
