export { MemoryEngine, MemoryStore } from './memory-engine.js';
