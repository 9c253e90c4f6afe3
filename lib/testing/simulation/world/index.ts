export { SeededRandom } from './seeded-random.js';
export { SimulatedEnvironment } from './simulated-environment.js';
export { SimulatedProcess } from './simulated-process.js';
export { LOG, Trace } from './trace.js';
export { VirtualTime } from './virtual-time.js';
