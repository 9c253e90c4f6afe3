import { storePages } from '../../engine/reading/paging.js';
import type { StoredEvent } from '../../kernel/values/event.js';
import { decodeEvent } from '../events/event-codec.js';
import type { RuntimeParts } from '../parts/settings.js';
import { assertPlace, type SubscriptionOptions } from './subscriptions.js';

/**
 * What led to what: injectable, for operators. Every event bears the `correlationId` of the request that it goes back to, through commands, reactions and
 * nodes, and the `causationId` of the command or event that directly led to it.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { AuditTrail } from 'omniscient-nest';
 *
 * @Injectable()
 * export class Support {
 *   constructor(private readonly trail: AuditTrail) {}
 *
 *   async whatCameOf(correlationId: string): Promise<string[]> {
 *     const lines: string[] = [];
 *     for await (const { name, streamId, metadata } of this.trail.causedBy(correlationId)) {
 *       lines.push(`${metadata.at} ${metadata.actor} ${streamId}: ${name}`);
 *     }
 *     return lines;
 *   }
 * }
 * ```
 */
export class AuditTrail {
  readonly #parts: RuntimeParts;

  constructor(parts: RuntimeParts) {
    this.#parts = parts;
  }

  /**
   * All events that one request caused, in order of position, the framework's own too; ends with what is stored now. Reads the store one page at a time and
   * keeps nothing of what does not fit, so it needs no index, and takes as long as reading takes: name a position before the request with `after` where you know one.
   *
   * @throws OmniscientError (`INVALID_AFTER`), EngineError.
   */
  async *causedBy(
    correlationId: string,
    { after = 0 }: SubscriptionOptions = {},
  ): AsyncGenerator<StoredEvent, void, undefined> {
    assertPlace(after);
    const { engine, environment } = this.#parts;
    const upTo = await engine.lastPosition();
    // Most metadata is never parsed.
    const text = JSON.stringify(correlationId);
    if (after >= upTo) return;
    for await (const page of storePages(engine, environment, after)) {
      for (const record of page.events) {
        if (!record.metadata.includes(text)) continue;
        const event = decodeEvent(record);
        if (event.metadata.correlationId === correlationId) yield event;
      }
      if (page.upTo >= upTo) return;
    }
  }
}
