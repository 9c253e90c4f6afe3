export { MemoryEngine, type MemoryEngineOptions, MemoryStore } from './memory-engine.js';
