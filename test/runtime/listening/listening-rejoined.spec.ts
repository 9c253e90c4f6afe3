import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Actor,
  Command,
  EventHandler,
  type Heard,
  type Listening,
  ListenTo,
  LiveActor,
  type StoredEvent,
} from 'omniscient-nest';
import { eventually } from '../../support/eventually.js';
import { Speaker, type SpeakerEvents } from '../../support/listeners.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

interface FanEvents {
  followed: { speaker: string };
  left: { speaker: string };
  noted: { version: number };
}

/** Hears all that whoever it follows ever said. */
@Actor()
class Fan extends LiveActor<{ follows: string[] }, FanEvents> {
  initialState() {
    return { follows: [] as string[] };
  }

  @Command() follow(speaker: string) {
    this.fire('followed', { speaker });
  }

  @Command() leave(speaker: string) {
    this.fire('left', { speaker });
  }

  @EventHandler() followed({ speaker }: FanEvents['followed']) {
    this.state.follows.push(speaker);
  }

  @EventHandler() left({ speaker }: FanEvents['left']) {
    this.state.follows = this.state.follows.filter((each) => each !== speaker);
  }

  @ListenTo((state: { follows: string[] }) => state.follows, { events: ['said'], from: 0 })
  onSaid({ version }: Heard<SpeakerEvents, 'said'>) {
    this.fire('noted', { version });
  }
}

/** The same in code. */
@Actor()
class Archivist extends LiveActor<object, Pick<FanEvents, 'noted'>> {
  #listening: Listening | undefined;

  initialState() {
    return {};
  }

  @Command() begin(speaker: string) {
    const note = ({ version }: StoredEvent) => this.fire('noted', { version });
    this.#listening = this.listenTo(speaker, note, { name: 'notes', from: 0 });
  }

  @Command() end() {
    this.#listening?.stop();
  }
}

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.stop());

const noted = (id: string) => cluster.stored<{ version: number }>(id, 'noted').map(({ version }) => version);

describe('listening with `from: 0` to a source that was left', () => {
  it('goes on where it was left when the state names it again', async () => {
    const { actors } = await cluster.start();
    const ann = await actors(Speaker).get('ann');
    await ann.say('one');
    await ann.say('two');
    const fan = await actors(Fan).get('fan');
    await fan.follow('ann');
    await eventually(() => noted('fan').length === 2);
    await fan.leave('ann');
    // Said while nobody followed: `from: 0` is for all that was not heard yet.
    await ann.say('three');
    await fan.follow('ann');
    await ann.say('four');
    await eventually(() => noted('fan').length >= 4);
    expect(noted('fan')).toEqual([1, 2, 3, 4]);
  });

  it('hears all again where code begins it anew', async () => {
    const { actors } = await cluster.start();
    const ann = await actors(Speaker).get('ann');
    await ann.say('one');
    const archivist = await actors(Archivist).get('a');
    await archivist.begin('ann');
    await eventually(() => noted('a').length === 1);
    await archivist.end();
    await archivist.begin('ann');
    await ann.say('two');
    await eventually(() => noted('a').length === 3);
    expect(noted('a')).toEqual([1, 1, 2]);
  });
});
