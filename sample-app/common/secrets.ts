import type { StoredEvent } from 'omniscient-nest';

/** A player's stream is the user's too: what he signed up with is nobody else's business. */
export function withoutSecrets(event: StoredEvent): StoredEvent {
  const { passwordHash, ...data } = event.data as Record<string, unknown>;
  return passwordHash === undefined ? event : { ...event, data };
}
