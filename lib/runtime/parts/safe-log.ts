import { propertyOf } from '../../kernel/values/index.js';
import type { Log } from './settings.js';

/** A log that never throws: a line that could not be written must not undo the work that it reports. */
export function safeLog(log: Log): Log {
  const write = (level: keyof Log, message: string, error: unknown) => {
    try {
      const written: unknown = log[level](message, error);
      // It may write asynchronously, and fail then.
      if (typeof propertyOf(written, 'then') === 'function') Promise.resolve(written).catch(() => {});
    } catch {
      // There is nowhere else to report it.
    }
  };
  return {
    warn: (message, error) => write('warn', message, error),
    error: (message, error) => write('error', message, error),
  };
}
