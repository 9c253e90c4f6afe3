/** How far a listener has heard a source, as recorded in the metadata of what it fired. */
export interface HeardNote {
  readonly listener: string;
  readonly source: string;
  /** The version in the source's stream; the position, for event names. */
  readonly at: number;
}

const END = ']}';
const PLACE = /^\d+$/;

/** The text that goes before the closing brace of the metadata. */
export function heardText({ listener, source, at }: HeardNote): string {
  return `${startOf(listener, source)}${at}]`;
}

/** Reads the note from the metadata of an event that an actor of this class fired. */
export function heardIn(metadata: string, actor: string): HeardNote | undefined {
  if (!metadata.endsWith(END)) return undefined;
  const written = JSON.parse(metadata) as { actor?: unknown; heard?: unknown };
  if (written.actor !== actor || !Array.isArray(written.heard)) return undefined;
  const [listener, source, at] = written.heard as unknown[];
  const isNote = typeof listener === 'string' && typeof source === 'string' && typeof at === 'number';
  return isNote ? { listener, source, at } : undefined;
}

/**
 * Returns a function that finds, in an event's metadata, how far this listener has heard this source. It does not parse
 * the metadata.
 */
export function heardPlace(listener: string, source: string): (metadata: string) => number | undefined {
  const start = startOf(listener, source);
  return (metadata) => {
    if (!metadata.endsWith(END)) return undefined;
    // JSON escapes quotes inside a text, so this match cannot be part of one.
    const found = metadata.lastIndexOf(start);
    const place = found === -1 ? '' : metadata.slice(found + start.length, -END.length);
    return PLACE.test(place) ? Number(place) : undefined;
  };
}

function startOf(listener: string, source: string): string {
  return `,"heard":[${JSON.stringify(listener)},${JSON.stringify(source)},`;
}
