import { Inject, Module, type OnModuleDestroy } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Runtime } from '../runtime/node/runtime.js';
import { RUNTIME } from './injection.js';
import { nestLog } from './nest-log.js';

/**
 * Drains the node before any other module is ended: what accepted commands, reactions and projections use (a database's pool, say) is closed in its owner's
 * `onModuleDestroy`. A module of its own, because Nest ends global ones last; did Nest forget the order, `Lifecycle` would drain a moment later.
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

/** Nest ends modules in the order of this number, which is 1 for the root module; modules that nobody imports have 0. */
const BEFORE_ALL_OTHERS = -1;

/** Nest 12 swallows what shutdown hooks throw. */
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
 * Sends requests elsewhere while the node leaves, and their connections with them: one that is kept alive outlives the server's end, and would keep the
 * application from ending for as long as it is used. A browser's `EventSource` gives up for good on a 503 and connects again after a stream that ends.
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
    response.end(JSON.stringify({ statusCode: 503, message: 'this node is shutting down: ask another' }));
  };
}
