import type { Meter, Observable, ObservableCallback, ObservableResult } from '@opentelemetry/api';
import type { ObservedNode } from '../parts/index.js';
import { ACTOR } from './instruments.js';

/** Figures that are read only when somebody collects metrics, so that they cost nothing in between. */
export function observeNode(meter: Meter, node: ObservedNode): () => void {
  const stops: (() => void)[] = [];
  const gauge = (name: string, unit: string, description: string, look: Look) => {
    stops.push(observe(meter.createObservableGauge(`omniscient.${name}`, { unit, description }), look));
  };
  // Figures that add up over nodes.
  const amount = (name: string, unit: string, description: string, look: Look) => {
    stops.push(observe(meter.createObservableUpDownCounter(`omniscient.${name}`, { unit, description }), look));
  };
  amount('residents', '{actor}', 'Actors in memory', (seen) => {
    for (const [actor, count] of node.residents()) seen.observe(count, { [ACTOR]: actor });
  });
  amount('leaderships', '{leadership}', 'OneActors that this node leads, and elections that it has won', (seen) => {
    for (const [actor, count] of node.leaderships()) seen.observe(count, { [ACTOR]: actor });
    for (const election of node.elections()) seen.observe(1, { 'omniscient.election': election });
  });
  amount('subscriptions', '{subscription}', 'Subscriptions of this node', (seen) => seen.observe(node.subscriptions()));
  gauge('lag', '{position}', 'Positions of the store that somebody has yet to work through', async (seen) => {
    for (const [follower, lag] of Object.entries(await node.lag()))
      seen.observe(lag, { 'omniscient.follower': follower });
  });
  gauge('parked', '{event}', 'Events that wait to be retried or discarded', async (seen) =>
    seen.observe(await node.parked()),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

type Look = (seen: ObservableResult) => unknown;

function observe(instrument: Observable, look: Look): () => void {
  const callback: ObservableCallback = async (seen) => {
    try {
      await look(seen);
    } catch {
      // The engine does not answer. A missing figure shows that clearly enough.
    }
  };
  instrument.addCallback(callback);
  return () => instrument.removeCallback(callback);
}
