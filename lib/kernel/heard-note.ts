/** Up to where a listener has heard a source, as the metadata of what it fired says. */
export interface HeardNote {
  readonly listener: string;
  readonly source: string;
  /** Version in the source's stream; position, where events of names are listened to. */
  readonly at: number;
}

/** In metadata, where it stands last: that shows at the end of the text, so that events without it need not be parsed. */
export type HeardMetadata = readonly [listener: string, source: string, at: number];

const END = ']}';

/** What is put before the closing brace of the metadata. */
export function heardText({ listener, source, at }: HeardNote): string {
  return `${startOf(listener, source)}${at}]`;
}

/** The note in the metadata of an event that an actor of this class fired. */
export function heardIn(metadata: string, actor: string): HeardNote | undefined {
  if (!metadata.endsWith(END)) return undefined;
  const written = JSON.parse(metadata) as { actor?: unknown; heard?: unknown };
  if (written.actor !== actor || !Array.isArray(written.heard)) return undefined;
  const [listener, source, at] = written.heard as Partial<HeardMetadata>;
  const isNote = typeof listener === 'string' && typeof source === 'string' && typeof at === 'number';
  return isNote ? { listener, source, at } : undefined;
}

/** The place in the note about this listener and source; for events of one's own, without parsing them. */
export function heardPlaceIn(metadata: string, listener: string, source: string): number | undefined {
  if (!metadata.endsWith(END)) return undefined;
  const start = startOf(listener, source);
  // No text inside JSON has quotes that are not escaped.
  const found = metadata.lastIndexOf(start);
  return found === -1 ? undefined : Number(metadata.slice(found + start.length, -END.length));
}

function startOf(listener: string, source: string): string {
  return `,"heard":[${JSON.stringify(listener)},${JSON.stringify(source)},`;
}
