import { Logger } from '@nestjs/common';
import type { Log } from '../runtime/settings.js';

/** The runtime's log, written by Nest's logger. */
export function nestLog(): Log {
  const logger = new Logger('EventSourcing');
  return {
    warn: (message, error) => logger.warn(error === undefined ? message : `${message}: ${textOf(error)}`),
    error: (message, error) => logger.error(message, error instanceof Error ? error.stack : error),
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
