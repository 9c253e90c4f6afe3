import { describe, it } from '@jest/globals';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { describeEngine } from '../../lib/testing/conformance/index.js';

describeEngine(
  'memory',
  async () => {
    const store = new MemoryStore();
    return { newEngine: () => new MemoryEngine({ store }), dispose: async () => {} };
  },
  { describe, it },
);
