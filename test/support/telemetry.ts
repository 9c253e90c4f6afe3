import { context, metrics, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** The real SDKs, registered for this process; what they were told is kept here. */
export class Observatory {
  readonly #spans = new InMemorySpanExporter();
  readonly #reader = new Reader();

  constructor() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#spans)] }));
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [this.#reader] }));
  }

  /** As if nobody had ever registered anything. */
  close(): void {
    context.disable();
    trace.disable();
    metrics.disable();
  }

  /** Spans that have ended, in the order of their ends. */
  get spans(): ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  forget(): void {
    this.#spans.reset();
  }

  spansOf(name: string): ReadableSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  /** All of one trace as a tree of `name @ node`; the siblings in alphabetical order. */
  treeOf(traceId: string): Tree {
    const all = this.spans.filter((span) => span.spanContext().traceId === traceId);
    const ids = new Set(all.map((span) => span.spanContext().spanId));
    const below = (parent: string | undefined): Tree => {
      const children = all.filter(({ parentSpanContext: above }) =>
        parent === undefined ? !ids.has(above?.spanId ?? '') : above?.spanId === parent,
      );
      return Object.fromEntries(
        children
          .map((span) => [labelOf(span), below(span.spanContext().spanId)] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      );
    };
    return below(undefined);
  }

  /** What one metric is now: its value (of a histogram, the count) by its attributes. */
  async metric(name: string): Promise<Record<string, number>> {
    const { resourceMetrics, errors } = await this.#reader.collect();
    if (errors.length > 0) throw errors[0];
    const found = resourceMetrics.scopeMetrics
      .flatMap((scope) => scope.metrics)
      .find(({ descriptor }) => descriptor.name === name);
    const points = (found?.dataPoints ?? []).map(({ attributes, value }) => {
      const key = Object.entries(attributes).map(([key, each]) => `${key.replace('omniscient.', '')}=${String(each)}`);
      return [key.sort().join(' '), typeof value === 'number' ? value : value.count] as const;
    });
    return Object.fromEntries(points);
  }

  /** The same, and what a histogram's values add up to. */
  async sum(name: string): Promise<number> {
    const { resourceMetrics } = await this.#reader.collect();
    const found = resourceMetrics.scopeMetrics
      .flatMap((scope) => scope.metrics)
      .find(({ descriptor }) => descriptor.name === name);
    return (found?.dataPoints ?? []).reduce(
      (sum, { value }) => sum + (typeof value === 'number' ? value : (value.sum ?? 0)),
      0,
    );
  }

  async unitOf(name: string): Promise<string | undefined> {
    const { resourceMetrics } = await this.#reader.collect();
    return resourceMetrics.scopeMetrics
      .flatMap((scope) => scope.metrics)
      .find(({ descriptor }) => descriptor.name === name)?.descriptor.unit;
  }
}

/** A span and what is below it. */
export interface Tree {
  readonly [label: string]: Tree;
}

export function failed({ status }: ReadableSpan): boolean {
  return status.code === SpanStatusCode.ERROR;
}

function labelOf({ name, attributes }: ReadableSpan): string {
  const node = attributes['omniscient.node.id'];
  return node === undefined ? name : `${name} @ ${String(node)}`;
}
