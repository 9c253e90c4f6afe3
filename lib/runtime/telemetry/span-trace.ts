import type { Attributes, Context, Span } from '@opentelemetry/api';
import { SYSTEM } from '../../engine/environment/index.js';
import { classNameOf, isError, messageOf, propertyOf, storedFailure } from '../../kernel/values/index.js';
import type { Trace } from '../parts/index.js';
import type { Api } from './api.js';
import { traceparentOf } from './traceparent.js';

/** A piece of work, as a span. */
export class SpanTrace implements Trace {
  readonly traceparent: string | undefined;
  readonly #api: Api;
  readonly #span: Span;
  readonly #context: Context;
  readonly #hooks: SpanHooks;
  readonly #beganMs = SYSTEM.monotonicMs();
  #isOver = false;

  /** @param context the context in which the span began. */
  constructor(api: Api, span: Span, context: Context, hooks: SpanHooks) {
    this.#api = api;
    this.#span = span;
    this.#context = api.trace.setSpan(context, span);
    this.#hooks = hooks;
    // If nobody traces, stored events must not point to spans that never existed.
    const isItsOwn = span.spanContext().spanId !== api.trace.getSpanContext(context)?.spanId;
    this.traceparent = isItsOwn ? traceparentOf(api, span.spanContext()) : undefined;
  }

  run<T>(work: () => T): T {
    return this.#api.context.with(this.#context, work);
  }

  noted(what: 'rerun' | 'retry', error?: unknown): void {
    if (this.#isOver) return;
    this.#span.addEvent(what, error === undefined ? {} : { 'error.type': errorType(error) });
    this.#hooks.noted?.(what, error);
  }

  ended(outcome = 'ok'): void {
    this.#end({ 'omniscient.outcome': outcome });
  }

  failed(error: unknown): void {
    if (this.#isOver) return;
    this.#span.recordException(isError(error) ? recordable(error) : messageOf(error));
    this.#span.setStatus({
      code: this.#api.SpanStatusCode.ERROR,
      message: messageOf(error),
    });
    this.#end({ 'omniscient.outcome': 'error', 'error.type': errorType(error) });
  }

  #end(result: Attributes): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#span.setAttributes(result);
    this.#span.end();
    this.#hooks.ended?.((SYSTEM.monotonicMs() - this.#beganMs) / 1_000, result);
  }
}

/** Callbacks for the end of a piece of work. */
export interface SpanHooks {
  /** @param result `omniscient.outcome`, and `error.type` if it failed. */
  readonly ended?: (durationS: number, result: Attributes) => void;
  readonly noted?: (what: 'rerun' | 'retry', error: unknown) => void;
}

/** The stable code of an error, or its class. */
export function errorType(error: unknown): string {
  const code = propertyOf(error, 'code');
  if (typeof code === 'string') return code;
  return isError(error) ? (classNameOf(error) ?? 'Error') : typeof error;
}

/** The texts alone, so that exporters need not deal with getters. */
function recordable(error: unknown): { name: string; message: string; stack?: string } {
  const { name, message, stack } = storedFailure(error);
  return { name, message, ...(stack !== undefined && { stack }) };
}
