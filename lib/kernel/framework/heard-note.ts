/** Up to where a listener has heard a source, as the metadata of what it fired says. */
export interface HeardNote {
  readonly listener: string;
  readonly source: string;
  /** Version in the source's stream; position, where events of names are listened to. */
  readonly at: number;
}

const END = ']}';
const PLACE = /^\d+$/;

/** What is put before the closing brace of the metadata. */
export function heardText({ listener, source, at }: HeardNote): string {
  return `${startOf(listener, source)}${at}]`;
}

/** The note in the metadata of an event that an actor of this class fired. */
export function heardIn(metadata: string, actor: string): HeardNote | undefined {
  if (!metadata.endsWith(END)) return undefined;
  const written = JSON.parse(metadata) as { actor?: unknown; heard?: unknown };
  if (written.actor !== actor || !Array.isArray(written.heard)) return undefined;
  const [listener, source, at] = written.heard as unknown[];
  const isNote = typeof listener === 'string' && typeof source === 'string' && typeof at === 'number';
  return isNote ? { listener, source, at } : undefined;
}

/** Finds the place that events of one's own say about this listener and source; they need not be parsed for that. */
export function heardPlace(listener: string, source: string): (metadata: string) => number | undefined {
  const start = startOf(listener, source);
  return (metadata) => {
    if (!metadata.endsWith(END)) return undefined;
    // Quotes inside a text are escaped in JSON, so this is no part of one.
    const found = metadata.lastIndexOf(start);
    const place = found === -1 ? '' : metadata.slice(found + start.length, -END.length);
    return PLACE.test(place) ? Number(place) : undefined;
  };
}

function startOf(listener: string, source: string): string {
  return `,"heard":[${JSON.stringify(listener)},${JSON.stringify(source)},`;
}
