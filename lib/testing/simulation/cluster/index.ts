export { Clients, type SimulatedClient, type SimulatedRef, type Workload } from './clients.js';
export { type CommandOutcome, type CommandRecord, Commands, textOf } from './commands.js';
export { SimulatedNode } from './simulated-node.js';
export type { NodeParts, NodeProgram } from './started-node.js';
export { Subscriber, type Wanted } from './subscribers.js';
