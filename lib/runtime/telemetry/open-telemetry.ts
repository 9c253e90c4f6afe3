import type { Attributes, Context, Link, Meter, SpanKind, Tracer } from '@opentelemetry/api';
import type { EventRecord } from '../../kernel/values/index.js';
import { metadataOf } from '../events/index.js';
import { reactedTo } from '../listening/index.js';
import type { ObservedNode, Telemetry, TracedActor, TracedCall, TracedCause, TracedCommit } from '../parts/index.js';
import { commandNameOf } from '../turn/index.js';
import type { Api } from './api.js';
import { observeNode } from './gauges.js';
import { ACTOR, attributes, COMMAND, Instruments, LISTENER } from './instruments.js';
import { type SpanHooks, SpanTrace } from './span-trace.js';
import { contextOf, spanContextOf } from './traceparent.js';

/** Telemetry through the global providers of `@opentelemetry/api`. */
export class OpenTelemetry implements Telemetry {
  readonly #api: Api;
  readonly #nodeId: string;
  readonly #tracer: Tracer;
  readonly #meter: Meter;
  readonly #instruments: Instruments;

  constructor(api: Api, nodeId: string) {
    this.#api = api;
    this.#nodeId = nodeId;
    this.#tracer = api.trace.getTracer(SCOPE);
    this.#meter = api.metrics.getMeter(SCOPE);
    this.#instruments = new Instruments(this.#meter);
  }

  command(actor: TracedActor, name: string, args: readonly unknown[], cause: TracedCause, isCalled: boolean) {
    const { INTERNAL, CONSUMER } = this.#api.SpanKind;
    const reaction = reactedTo(name, args);
    const command = commandNameOf(name);
    const kinds = attributes({ [ACTOR]: actor.actorName, [COMMAND]: command, [LISTENER]: reaction?.listener });
    const own = { ...kinds, ...idsOf(actor.id, cause), ...(reaction && eventAttributes(reaction.record)) };
    const parent = isCalled ? this.#activeOr(cause.traceparent) : contextOf(this.#api, cause.traceparent);
    const { commands, reruns } = this.#instruments;
    const label = `${actor.actorName}.${reaction?.listener ?? command}`;
    return this.#start(label, reaction ? CONSUMER : INTERNAL, own, parent, {
      ended: (durationS, result) => commands.record(durationS, { ...kinds, ...result }),
      noted: () => reruns.add(1, kinds),
    });
  }

  forward(call: TracedCall, to: string) {
    const own = { ...callAttributes(call), 'omniscient.leader.id': to };
    const parent = contextOf(this.#api, call.traceparent);
    return this.#start(`forward ${call.actor}.${commandNameOf(call.command)}`, this.#api.SpanKind.CLIENT, own, parent, {
      ended: (durationS, result) => this.#instruments.forwards.record(durationS, { [ACTOR]: call.actor, ...result }),
    });
  }

  serve(call: TracedCall) {
    const parent = contextOf(this.#api, call.traceparent);
    const label = `serve ${call.actor}.${commandNameOf(call.command)}`;
    return this.#start(label, this.#api.SpanKind.SERVER, callAttributes(call), parent, {});
  }

  append(actor: TracedActor, engine: string, commits: readonly TracedCommit[]) {
    const { appends, appendCommits, appendEvents, retries } = this.#instruments;
    const kinds = { [ACTOR]: actor.actorName };
    const events = commits.reduce((sum, commit) => sum + commit.events.length, 0);
    appendCommits.record(commits.length, kinds);
    appendEvents.record(events, kinds);
    const own = {
      ...kinds,
      'omniscient.actor.id': actor.id,
      'omniscient.stream.id': actor.streamId,
      'omniscient.append.commits': commits.length,
      'omniscient.append.events': events,
      'db.system.name': engine,
    };
    // The span is a child of the first command's, and linked to those of the others.
    const [first, ...others] = commits.map(({ request }) => request.cause.traceparent);
    const parent = contextOf(this.#api, first);
    const hooks: SpanHooks = {
      ended: (durationS, result) => appends.record(durationS, { ...kinds, ...result }),
      noted: () => retries.add(1, kinds),
    };
    return this.#start(`append ${actor.actorName}`, this.#api.SpanKind.CLIENT, own, parent, hooks, this.#links(others));
  }

  projection(name: string, handler: string, record: EventRecord) {
    const kinds = { 'omniscient.projection': name, [LISTENER]: handler };
    const { traceparent } = metadataOf(record);
    const parent = contextOf(this.#api, traceparent);
    const own = { ...kinds, ...eventAttributes(record) };
    return this.#start(`${name}.${handler}`, this.#api.SpanKind.CONSUMER, own, parent, {
      ended: (durationS, result) => this.#instruments.projections.record(durationS, { ...kinds, ...result }),
    });
  }

  conflict(actor: string): void {
    this.#instruments.conflicts.add(1, { [ACTOR]: actor });
  }

  parked(listener: string): void {
    this.#instruments.parkings.add(1, { [LISTENER]: listener });
  }

  tick(actor: string, lateMs: number, missed: number): void {
    this.#instruments.ticks.record(lateMs / 1_000, { [ACTOR]: actor });
    if (missed > 0) this.#instruments.missedTicks.add(missed, { [ACTOR]: actor });
  }

  observe(node: ObservedNode): () => void {
    return observeNode(this.#meter, node);
  }

  #start(name: string, kind: SpanKind, own: Attributes, parent: Context, hooks: SpanHooks, links: Link[] = []) {
    const options = { kind, attributes: { ...own, 'omniscient.node.id': this.#nodeId }, links };
    return new SpanTrace(this.#api, this.#tracer.startSpan(name, options, parent), parent, hooks);
  }

  /** The active span of the calling code, if the application propagates it; otherwise the given one. */
  #activeOr(traceparent: string | undefined): Context {
    const active = this.#api.context.active();
    return this.#api.trace.getSpanContext(active) ? active : contextOf(this.#api, traceparent);
  }

  #links(traceparents: readonly (string | undefined)[]): Link[] {
    return traceparents.slice(0, LINKS_MAX).flatMap((traceparent): Link[] => {
      const context = spanContextOf(this.#api, traceparent);
      return context ? [{ context }] : [];
    });
  }
}

/** The instrumentation scope's name. */
const SCOPE = 'omniscient-nest';
/** How many other commands an append's span is linked to. */
const LINKS_MAX = 100;

function idsOf(id: string, { commandId, correlationId }: TracedCause): Attributes {
  return {
    'omniscient.actor.id': id,
    'omniscient.command.id': commandId,
    'omniscient.correlation.id': correlationId,
  };
}

function callAttributes(call: TracedCall): Attributes {
  return { [ACTOR]: call.actor, [COMMAND]: commandNameOf(call.command), ...idsOf(call.id, call) };
}

function eventAttributes({ id, name, streamId, version }: EventRecord): Attributes {
  return {
    'omniscient.event.id': id,
    'omniscient.event.name': name,
    'omniscient.event.stream.id': streamId,
    'omniscient.event.version': version,
  };
}
