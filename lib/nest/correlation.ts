import type { Ids } from '../kernel/values/index.js';
import { withCorrelation } from '../runtime/events/index.js';

/**
 * Gives every HTTP request a correlation id: the one that it brings, or a new one. The response bears it, and so does
 * every event that the request leads to.
 */
export function correlate(ids: Ids) {
  return (request: IncomingRequest, response: OutgoingResponse, next: () => void): void => {
    const id = idOf(request) ?? ids.next();
    response.setHeader(HEADERS[0], id);
    withCorrelation(id, next);
  };
}

/** Request headers that may bring a correlation id. The first one that is valid counts. */
const HEADERS = ['x-correlation-id', 'x-request-id'] as const;
/** Longest id that is accepted from a header, in UTF-16 code units. */
const ID_LENGTH_MAX = 200;

interface IncomingRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

interface OutgoingResponse {
  setHeader(name: string, value: string): unknown;
}

function idOf({ headers }: IncomingRequest): string | undefined {
  for (const header of HEADERS) {
    const value = headers[header];
    // Printable ASCII only, because the id is sent back and stored in events.
    if (typeof value === 'string' && value.length <= ID_LENGTH_MAX && /^[\x21-\x7e]+$/.test(value)) return value;
  }
  return undefined;
}
