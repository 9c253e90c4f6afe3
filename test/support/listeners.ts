import { Actor, Command, EventHandler, type Heard, ListenTo, LiveActor, OneActor } from 'omniscient-nest';

/** Somebody others listen to. */
export interface SpeakerEvents {
  said: { word: string };
  whispered: { word: string };
}

@Actor()
export class Speaker extends LiveActor<{ said: number }, SpeakerEvents> {
  initialState() {
    return { said: 0 };
  }

  @Command() say(word: string) {
    this.fire('said', { word });
  }

  @Command() whisper(word: string) {
    this.fire('whispered', { word });
  }

  @EventHandler('said') onSaid() {
    this.state.said += 1;
  }
}

export interface FollowerState {
  follows: string[];
  heard: string[];
}

export interface FollowerEvents {
  followed: { speaker: string };
  unfollowed: { speaker: string };
  noted: { from: string; word: string; version: number };
}

/** What a reaction does wrong, in the hands of a spec; by word. */
export const failing = new Map<string, () => void>();

/** Follows whom its state names. */
@Actor()
export class Follower extends LiveActor<FollowerState, FollowerEvents> {
  initialState(): FollowerState {
    return { follows: [], heard: [] };
  }

  @Command() follow(speaker: string) {
    this.fire('followed', { speaker });
  }

  @Command() unfollow(speaker: string) {
    this.fire('unfollowed', { speaker });
  }

  @EventHandler() followed({ speaker }: FollowerEvents['followed']) {
    this.state.follows.push(speaker);
  }

  @EventHandler() unfollowed({ speaker }: FollowerEvents['unfollowed']) {
    this.state.follows = this.state.follows.filter((each) => each !== speaker);
  }

  @EventHandler() noted({ from, word }: FollowerEvents['noted']) {
    this.state.heard.push(`${from}: ${word}`);
  }

  @ListenTo((state: FollowerState) => state.follows, { events: ['said'] })
  onSaid({ streamId, version, data }: Heard<SpeakerEvents, 'said'>) {
    failing.get(data.word)?.();
    if (data.word !== 'nothing') this.fire('noted', { from: streamId, word: data.word, version });
  }
}

/** The same, serial and local. */
@Actor()
export class LocalFollower extends Actor<FollowerState, FollowerEvents> {
  initialState(): FollowerState {
    return { follows: [], heard: [] };
  }

  @Command() follow(speaker: string) {
    this.fire('followed', { speaker });
  }

  @EventHandler() followed({ speaker }: FollowerEvents['followed']) {
    this.state.follows.push(speaker);
  }

  @EventHandler() noted({ from, word }: FollowerEvents['noted']) {
    this.state.heard.push(`${from}: ${word}`);
  }

  @ListenTo((state: FollowerState) => state.follows)
  onSaid({ streamId, version, data }: Heard<SpeakerEvents, 'said'>) {
    this.fire('noted', { from: streamId, word: data.word, version });
  }
}

/** The same, led. */
@Actor()
export class LedFollower extends OneActor<FollowerState, FollowerEvents> {
  initialState(): FollowerState {
    return { follows: [], heard: [] };
  }

  @Command() follow(speaker: string) {
    this.fire('followed', { speaker });
  }

  @EventHandler() followed({ speaker }: FollowerEvents['followed']) {
    this.state.follows.push(speaker);
  }

  @EventHandler() noted({ from, word }: FollowerEvents['noted']) {
    this.state.heard.push(`${from}: ${word}`);
  }

  @ListenTo((state: FollowerState) => state.follows, { events: ['said'] })
  onSaid({ streamId, version, data }: Heard<SpeakerEvents, 'said'>) {
    this.fire('noted', { from: streamId, word: data.word, version });
  }
}

export interface OrderEvents {
  ordered: { account: string; amount: number };
}

/** Somebody else's event calls it into life. */
@Actor()
export class Account extends LiveActor<{ owed: number }, { charged: { amount: number; order: string } }> {
  initialState() {
    return { owed: 0 };
  }

  @EventHandler() charged({ amount }: { amount: number }) {
    this.state.owed += amount;
  }

  @ListenTo<OrderEvents, 'ordered'>({ events: ['ordered'], to: ({ data }) => data.account })
  onOrdered({ id, data }: Heard<OrderEvents, 'ordered'>) {
    failing.get(data.account)?.();
    this.fire('charged', { amount: data.amount, order: id });
  }
}

/** The same, led. */
@Actor()
export class LedAccount extends OneActor<{ owed: number }, { charged: { amount: number; order: string } }> {
  initialState() {
    return { owed: 0 };
  }

  @EventHandler() charged({ amount }: { amount: number }) {
    this.state.owed += amount;
  }

  @ListenTo<OrderEvents, 'ordered'>({ events: ['ordered'], to: ({ data }) => data.account })
  onOrdered({ id, data }: Heard<OrderEvents, 'ordered'>) {
    this.fire('charged', { amount: data.amount, order: id });
  }
}

@Actor()
export class Shop extends LiveActor<{ orders: number }, OrderEvents> {
  initialState() {
    return { orders: 0 };
  }

  @Command() order(account: string, amount: number) {
    this.fire('ordered', { account, amount });
  }
}

/** Hears a name, whoever says it. */
@Actor()
export class Gossip extends LiveActor<{ heard: string[] }, FollowerEvents> {
  initialState() {
    return { heard: [] as string[] };
  }

  @EventHandler() noted({ word }: FollowerEvents['noted']) {
    this.state.heard.push(word);
  }

  @ListenTo<SpeakerEvents, 'whispered'>({ events: ['whispered'] })
  onWhisper({ streamId, version, data }: Heard<SpeakerEvents, 'whispered'>) {
    this.fire('noted', { from: streamId, word: data.word, version });
  }
}
