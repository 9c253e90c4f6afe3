import { propertyOf } from '../../kernel/values/thrown.js';
import type { Log } from './settings.js';

/** A log that never fails whoever writes to it: a line that could not be written must not undo what it tells of. */
export function safeLog(log: Log): Log {
  const write = (level: keyof Log, message: string, error: unknown) => {
    try {
      const written: unknown = log[level](message, error);
      // It may write in the background, and fail there.
      if (typeof propertyOf(written, 'then') === 'function') Promise.resolve(written).catch(() => {});
    } catch {
      // There is nobody else to tell.
    }
  };
  return {
    warn: (message, error) => write('warn', message, error),
    error: (message, error) => write('error', message, error),
  };
}
