import type { AppendDuty, Engine, ReadDuty } from '../../../engine/duties/index.js';
import { EngineError } from '../../../kernel/values/index.js';

/** Stores the first append, and then fails as if the answer was lost. */
export function losingFirstAnswer(engine: Engine): AppendDuty & ReadDuty {
  let lost = false;
  return {
    append: async (request) => {
      const result = await engine.append(request);
      if (lost) return result;
      lost = true;
      throw new EngineError('ANSWER_LOST', 'the answer was lost', { retryable: true, outcomeUnknown: true });
    },
    readStream: (...args) => engine.readStream(...args),
    streamVersion: (...args) => engine.streamVersion(...args),
    readAll: (...args) => engine.readAll(...args),
    lastPosition: () => engine.lastPosition(),
  };
}
