import type { Context, SpanContext } from '@opentelemetry/api';
import type { Api } from './api.js';

/**
 * A span's identity as text (W3C Trace Context, version 00), as events and messages between nodes carry it. The library
 * reads and writes it itself and does not use the application's propagator: every node must be able to read what is
 * stored, whatever is configured there.
 */
export function traceparentOf(api: Api, { traceId, spanId, traceFlags }: SpanContext): string | undefined {
  if (!api.isSpanContextValid({ traceId, spanId, traceFlags })) return undefined;
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The span that such a text denotes; `undefined` if none. */
export function spanContextOf(api: Api, traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return api.isSpanContextValid(context) ? context : undefined;
}

/** A context in which that span is the parent; the empty one if there is none. */
export function contextOf(api: Api, traceparent: string | undefined): Context {
  const span = spanContextOf(api, traceparent);
  return span ? api.trace.setSpanContext(api.ROOT_CONTEXT, span) : api.ROOT_CONTEXT;
}
