import { Inject, Module, type OnModuleDestroy } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Runtime } from '../runtime/node/index.js';
import { RUNTIME } from './injection.js';
import { nestLog } from './nest-log.js';

/**
 * Drains the node before any other module is destroyed. Commands, reactions and projections use parts that other
 * modules close in `onModuleDestroy` (a database's pool, say). This is a module of its own because Nest destroys global
 * modules last. If Nest ever ignored this order, `Lifecycle` would drain a moment later.
 */
@Module({})
export class LeavingModule implements OnModuleDestroy {
  readonly #runtime: Runtime;

  constructor(@Inject(RUNTIME) runtime: Runtime, @Inject(ModulesContainer) modules: ModulesContainer) {
    this.#runtime = runtime;
    for (const module of modules.values()) {
      if (module.metatype === LeavingModule) module.distance = BEFORE_ALL_OTHERS;
    }
  }

  onModuleDestroy(): Promise<void> {
    return logged(() => this.#runtime.drain());
  }
}

/**
 * Nest destroys modules in the order of their distance, which is 1 for the root module, and 0 for modules that nobody
 * imports.
 */
const BEFORE_ALL_OTHERS = -1;

/** Logs what `work` throws, because Nest 12 swallows what shutdown hooks throw. */
export async function logged(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    nestLog().error('the shutdown failed', error);
    throw error;
  }
}

interface IncomingRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly httpVersionMajor: number;
}

interface OutgoingResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body?: string): unknown;
}

/**
 * Refuses requests with 503 while the node leaves, and closes their connections. A kept-alive connection outlives the
 * server's `close()`, and would keep the application from ending for as long as it is used. Streams are not refused but
 * ended: a browser's `EventSource` gives up for good on a 503, and connects again after a stream that ends.
 */
export function refuseWhileLeaving(runtime: Pick<Runtime, 'draining'>) {
  return (request: IncomingRequest, response: OutgoingResponse, next: () => void): void => {
    if (!runtime.draining) {
      next();
      return;
    }
    // HTTP/2 has no such header.
    if (request.httpVersionMajor < 2) response.setHeader('Connection', 'close');
    if (String(request.headers.accept ?? '').includes('text/event-stream')) {
      response.setHeader('Content-Type', 'text/event-stream');
      response.end();
      return;
    }
    response.statusCode = 503;
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    const message = 'this node is shutting down: try again, so that another node answers';
    response.end(JSON.stringify({ statusCode: 503, message }));
  };
}
