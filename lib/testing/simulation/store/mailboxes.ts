import { MESSAGE_KEPT_MS, type NodeMessage, type Unwatch } from '../../../engine/duties/index.js';
import type { MessageFate } from '../faults/index.js';
import type { SeededRandom } from '../world/index.js';
import type { Link } from './link.js';
import type { World } from './simulated-world.js';

/** Messages between nodes. They keep their order, unless one comes again. They are lost if nobody receives. */
export class Mailboxes {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #boxes = new Map<string, Box>();

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork('mailboxes');
  }

  receive(nodeId: string, link: Link, node: number, deliver: Box['deliver']): Unwatch {
    const box: Box = { link, node, deliver, lastAtMs: 0 };
    this.#boxes.set(nodeId, box);
    return () => {
      if (this.#boxes.get(nodeId) === box) this.#boxes.delete(nodeId);
    };
  }

  send(messages: readonly NodeMessage[]): void {
    for (const { to, text } of messages) {
      const box = this.#boxes.get(to);
      if (box) this.#sendTo(box, text);
    }
  }

  #sendTo(box: Box, text: string): void {
    const { time, faults, trace } = this.#world;
    const fate: MessageFate = { isLost: false, stallMs: 0 };
    faults.onMessage(fate, box.node);
    if (fate.isLost) {
      trace.note(box.link.process.name, `never gets: ${text}`);
      return;
    }
    if (fate.stallMs > 0) trace.note(box.link.process.name, `gets no messages for ${Math.round(fate.stallMs)} ms`);
    const soonMs = time.nowMs + this.#random.between(0.05, MESSAGE_MS_MAX) + fate.stallMs;
    box.lastAtMs = Math.max(box.lastAtMs, soonMs);
    this.#deliverAt(box.lastAtMs, box, text, time.nowMs + MESSAGE_KEPT_MS);
    if (fate.againAfterMs !== undefined) {
      this.#deliverAt(box.lastAtMs + fate.againAfterMs, box, text, time.nowMs + MESSAGE_KEPT_MS);
    }
  }

  #deliverAt(atMs: number, box: Box, text: string, keptUntilMs: number): void {
    const { time, trace } = this.#world;
    const { process, cuts } = box.link;
    time.at(
      atMs,
      () => {
        if (cuts.in && time.nowMs < keptUntilMs) {
          box.lastAtMs = Math.max(box.lastAtMs, time.nowMs + TRY_AGAIN_MS);
          this.#deliverAt(box.lastAtMs, box, text, keptUntilMs);
          return;
        }
        trace.note(process.name, `gets ${text}`);
        box.deliver([text]);
      },
      process,
    );
  }
}

/** Longest usual time of a message in the store. Milliseconds. */
const MESSAGE_MS_MAX = 2;
/** How soon a message that cannot get through is tried again. Milliseconds. */
const TRY_AGAIN_MS = 100;

interface Box {
  readonly link: Link;
  readonly node: number;
  readonly deliver: (texts: readonly string[]) => void;
  /** No later message may come before this time, so that order is kept. Milliseconds. */
  lastAtMs: number;
}
