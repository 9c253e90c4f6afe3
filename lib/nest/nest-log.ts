import { Logger } from '@nestjs/common';
import { reasonOf, traceOf } from '../kernel/values/index.js';
import { type Log, safeLog } from '../runtime/parts/index.js';

/** The runtime's log, written by Nest's logger. An application may set a logger of its own, and that one may throw. */
export function nestLog(): Log {
  const logger = new Logger('EventSourcing');
  return safeLog({
    warn: (message, error) => logger.warn(error === undefined ? message : `${message}: ${reasonOf(error)}`),
    error: (message, error) => {
      if (error === undefined) logger.error(message);
      else logger.error(message, traceOf(error));
    },
  });
}
