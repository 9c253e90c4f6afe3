import { storePages } from '../../engine/reading/index.js';
import type { StoredEvent } from '../../kernel/values/index.js';
import { decodeEvent } from '../events/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { assertPlace, type SubscriptionOptions } from './subscriptions.js';

/**
 * Shows what led to what; injectable, for operators. Every event has the `correlationId` of the request from which it
 * originates, across commands, reactions and nodes, and the `causationId` of the command or event that directly led to
 * it.
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
   * Yields all events that one request caused, in order of position, the framework's own included. It ends with the
   * last event that is stored now.
   *
   * It needs no index: it reads the store page by page, and so takes as long as reading the store.
   *
   * @param correlationId the request's id.
   * @param options `after`: only events after this position. Give a position before the request where you know one.
   *   Default 0.
   * @throws OmniscientError (`INVALID_AFTER`, `EVENT_UNREADABLE`), EngineError.
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
