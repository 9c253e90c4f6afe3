import type { Attributes, Counter, Histogram, Meter, MetricOptions } from '@opentelemetry/api';

/** Counters and histograms; docs/telemetry.md lists them for users. */
export class Instruments {
  readonly commands: Histogram;
  readonly reruns: Counter;
  readonly forwards: Histogram;
  readonly conflicts: Counter;
  readonly appends: Histogram;
  readonly appendEvents: Histogram;
  readonly appendCommits: Histogram;
  readonly retries: Counter;
  readonly projections: Histogram;
  readonly parkings: Counter;
  readonly ticks: Histogram;
  readonly missedTicks: Counter;

  constructor(meter: Meter) {
    const counter = (name: string, unit: string, description: string) =>
      meter.createCounter(`omniscient.${name}`, { unit, description });
    const seconds = (name: string, description: string) =>
      meter.createHistogram(`omniscient.${name}`, { ...buckets('s', SECONDS), description });
    const sizes = (name: string, unit: string, description: string) =>
      meter.createHistogram(`omniscient.${name}`, { ...buckets(unit, SIZES), description });

    this.commands = seconds('command.duration', 'From when a command is given until it is stored or has failed');
    this.reruns = counter('command.reruns', '{rerun}', 'Commands that were decided again on a newer state');
    this.forwards = seconds('forward.duration', 'From when a command is sent to another node until that replies');
    this.conflicts = counter('conflicts', '{conflict}', "Others' events that were stored before an actor's own");
    this.appends = seconds('append.duration', 'Storing what has queued up for one actor, tries included');
    this.appendEvents = sizes('append.events', '{event}', 'Events in one append of one actor');
    this.appendCommits = sizes('append.commits', '{commit}', 'Commits in one append of one actor');
    this.retries = counter('append.retries', '{retry}', 'Appends that were tried again');
    this.projections = seconds('projection.duration', 'One event handled by a projection');
    this.parkings = counter('parkings', '{event}', 'Events that were put aside because they could not be reacted to');
    this.ticks = seconds('tick.lateness', 'How long after its time a tick was fired');
    this.missedTicks = counter('tick.missed', '{tick}', 'Ticks for which there was no time, or no node');
  }
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/** Names of attributes that are used in several places. */
export const ACTOR = 'omniscient.actor';
export const COMMAND = 'omniscient.command';
export const LISTENER = 'omniscient.listener';

/** Attributes without those that are undefined. */
export function attributes(given: Readonly<Record<string, string | number | undefined>>): Attributes {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function buckets(unit: string, explicitBucketBoundaries: number[]): MetricOptions {
  return { unit, advice: { explicitBucketBoundaries } };
}
