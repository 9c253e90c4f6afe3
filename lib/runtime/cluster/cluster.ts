import { backoffIn, detached, sleep } from '../../engine/environment/index.js';
import { EngineError } from '../../kernel/values/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { type ErrorClass, ErrorCodec } from './error-codec.js';
import { Membership } from './membership.js';
import { MessageTransport } from './message-transport.js';
import { RemoteCalls } from './remote-calls.js';

/**
 * This node as part of the cluster. It starts when something first needs it, so an application without clustered actors
 * writes no heartbeats.
 */
export class Cluster {
  readonly membership: Membership;
  readonly transport: MessageTransport;
  readonly calls: RemoteCalls;
  readonly errors: ErrorCodec;
  /** Whether it is handing over what it leads. No node should send it anything any more. */
  leaving = false;
  readonly #parts: RuntimeParts;
  #started: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: RuntimeParts, errorClasses: readonly ErrorClass[]) {
    this.#parts = parts;
    this.membership = new Membership(parts);
    this.transport = new MessageTransport(parts, this.membership);
    this.errors = new ErrorCodec(errorClasses);
    this.calls = new RemoteCalls(parts, this);
  }

  /**
   * Resolves when this node knows the others, and they can know it. It retries for as long as the engine is
   * unreachable.
   */
  start(): Promise<void> {
    this.#started ??= detached(() => this.#start());
    return this.#started;
  }

  /**
   * Tells the others at once that this node accepts nothing more, so that they elect leaders without waiting for a
   * time-out.
   */
  async leave(): Promise<void> {
    this.leaving = true;
    if (!this.#started) return;
    await this.#started.catch(() => {});
    const { membership, transport } = this;
    await membership.refresh();
    for (const nodeId of membership.alive()) transport.send(nodeId, 'left', { incarnation: membership.incarnation });
    await transport.sent();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (!this.#started) return;
    await this.#started.catch(() => {});
    await this.transport.sent();
    this.transport.close();
    this.calls.close();
    await this.membership.stop();
  }

  async #start(): Promise<void> {
    this.transport.on('left', (body: { incarnation: string }, from) => this.membership.left(from, body.incarnation));
    const backoff = backoffIn(this.#parts.environment);
    for (;;) {
      try {
        await this.transport.open();
        await this.membership.start();
        return;
      } catch (error) {
        // A node that leaves waits for this to end.
        if (!(error instanceof EngineError && error.retryable) || this.leaving || this.#stopped) {
          this.#parts.log.error('this node could not join the cluster', error);
          throw error;
        }
        await sleep(this.#parts.environment, backoff.nextMs());
      }
    }
  }
}
