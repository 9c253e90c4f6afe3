import { InvalidIdError, RegistrationError, shownText, streamIdOf } from '../values/index.js';
import type { ActorDefinition } from './actor-definition.js';

/** Which class a stream belongs to, for classes that reserve their streams with `@Actor({ prefix })`. */
export class Prefixes {
  /** One class for each prefix, for messages. */
  readonly #actors = new Map<string, string>();

  /**
   * @throws RegistrationError (`PREFIX_OVERLAP`) when one prefix begins with another, because an id of one class could
   *   then name a stream of the other.
   */
  add({ name, prefix }: Pick<ActorDefinition, 'name' | 'prefix'>): void {
    if (prefix === '' || this.#actors.has(prefix)) return;
    for (const [other, actor] of this.#actors) {
      if (!prefix.startsWith(other) && !other.startsWith(prefix)) continue;
      throw new RegistrationError(
        'PREFIX_OVERLAP',
        `the prefixes of ${actor} ('${other}') and ${name} ('${prefix}') overlap: one begins with the other, ` +
          'so an id of one class could name a stream of the other. ' +
          "End each prefix with a character that no other has in that place, as in 'order/' and 'order-line/'",
      );
    }
    this.#actors.set(prefix, name);
  }

  /**
   * The id of an actor's stream. @throws InvalidIdError when the id cannot be stored, or names a stream of another
   * class or of the library.
   */
  streamIdOf({ name, prefix }: Pick<ActorDefinition, 'name' | 'prefix'>, id: unknown): string {
    const streamId = streamIdOf(name, prefix, id);
    // No prefix begins with another, so only a class without a prefix can name another class's streams.
    if (prefix !== '') return streamId;
    for (const [other, actor] of this.#actors) {
      if (!streamId.startsWith(other)) continue;
      throw new InvalidIdError(
        `${name}: the id ${shownText(id)} begins with '${other}', the prefix of ${actor}: it would name one of that class's streams. Choose another id`,
      );
    }
    return streamId;
  }
}
