import type { Fault, MessageFate, RequestFate, StoreRequest, WakeFate } from './fault.js';

/** The faults that are under way. */
export class ActiveFaults {
  /** How often each kind of fault has hit something. */
  readonly counts = new Map<string, number>();
  readonly #active = new Set<Fault>();

  begin(fault: Fault): void {
    this.#active.add(fault);
    if (fault.kind.begin) this.#count(fault);
  }

  /** Ends a fault, and returns whether it was under way. */
  end(fault: Fault): boolean {
    return this.#active.delete(fault);
  }

  onRequest(fate: RequestFate, node: number, request: StoreRequest): void {
    for (const fault of this.#concerning(node)) {
      if (!fault.kind.concerns?.(request) || !fault.random.chance(fault.share)) continue;
      fault.kind.onRequest?.(fate, fault.random);
      this.#count(fault);
    }
  }

  onWake(fate: WakeFate, node: number): void {
    for (const fault of this.#concerning(node)) {
      if (!fault.kind.onWake || !fault.random.chance(fault.share)) continue;
      fault.kind.onWake(fate, fault.random);
      this.#count(fault);
    }
  }

  onMessage(fate: MessageFate, node: number): void {
    for (const fault of this.#concerning(node)) {
      if (!fault.kind.onMessage || !fault.random.chance(fault.share)) continue;
      fault.kind.onMessage(fate, fault.random);
      this.#count(fault);
    }
  }

  *#concerning(node: number): Generator<Fault> {
    for (const fault of this.#active) if (fault.node === undefined || fault.node === node) yield fault;
  }

  #count({ kind }: Fault): void {
    this.counts.set(kind.name, (this.counts.get(kind.name) ?? 0) + 1);
  }
}
