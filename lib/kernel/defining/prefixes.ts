import { InvalidIdError, RegistrationError } from '../values/errors.js';
import { streamIdOf } from '../values/ids.js';
import { shownText } from '../values/text.js';
import type { ActorDefinition } from './actor-definition.js';

/** Which class a stream's id belongs to, where classes keep their streams to themselves with `@Actor({ prefix })`. */
export class Prefixes {
  /** A class of each prefix, for messages. */
  readonly #actors = new Map<string, string>();

  /** @throws RegistrationError (`PREFIX_OVERLAP`) when one prefix begins with another: an id of one class could name a stream of the other. */
  add({ name, prefix }: Pick<ActorDefinition, 'name' | 'prefix'>): void {
    if (prefix === '' || this.#actors.has(prefix)) return;
    for (const [other, actor] of this.#actors) {
      if (!prefix.startsWith(other) && !other.startsWith(prefix)) continue;
      throw new RegistrationError(
        'PREFIX_OVERLAP',
        `the prefixes of ${actor} ('${other}') and ${name} ('${prefix}') begin alike, so that an id of one class could name a stream of the other: ` +
          "end each prefix with a character that no other has in that place, as in 'order/' and 'order-line/'",
      );
    }
    this.#actors.set(prefix, name);
  }

  /** The stream of an actor. @throws InvalidIdError when the id can't be stored, or names a stream of another class or of the library's. */
  streamIdOf({ name, prefix }: Pick<ActorDefinition, 'name' | 'prefix'>, id: unknown): string {
    const streamId = streamIdOf(name, prefix, id);
    // Prefixes never begin alike, so only who has none can reach the others'.
    if (prefix !== '') return streamId;
    for (const [other, actor] of this.#actors) {
      if (!streamId.startsWith(other)) continue;
      throw new InvalidIdError(
        `${name}: the id ${shownText(id)} begins with '${other}', the prefix of ${actor}: it would name one of that class's streams`,
      );
    }
    return streamId;
  }
}
