import type { LoggerService } from '@nestjs/common';

/** For applications that are meant to fail: their errors are expected, and would only hide others in the output. */
export const silentLogger: LoggerService = { log: () => {}, warn: () => {}, error: () => {} };
