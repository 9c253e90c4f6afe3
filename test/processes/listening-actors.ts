import { Actor, Command, EventHandler, type Heard, ListenTo, LiveActor, OneActor } from 'omniscient-nest';

/** Whom the others listen to. The n-th event of a source is its version. */
export interface SaidEvents {
  said: { token: string };
}

@Actor({ prefix: 'source-' })
export class Source extends LiveActor<Record<never, never>, SaidEvents> {
  initialState() {
    return {};
  }

  @Command() say(token: string) {
    this.fire('said', { token });
  }
}

/** One reaction: to what, and by which way it was heard. */
export interface Note {
  source: string;
  n: number;
  token: string;
  way: 'followed' | 'named' | 'called' | 'coded';
}

export interface ListenerEvents {
  followed: { source: string };
  unfollowed: { source: string };
  noted: Note;
}

/** Whom it follows. */
export interface ListenerState {
  follows: string[];
}

type Said = Heard<SaidEvents, 'said'>;

/** How many actors of a class events call into life. */
export const CALLED = 3;
const calledBy = ({ version }: Said) => `${version % CALLED}`;

function note(way: Note['way'], { streamId, version, data }: Said): Note {
  return { source: streamId, n: version, token: data.token, way };
}

/** Listens to streams that its state names, to a name, and in code; decided on every node. */
@Actor({ prefix: 'live-' })
export class LiveListener extends LiveActor<ListenerState, ListenerEvents> {
  initialState(): ListenerState {
    return { follows: [] };
  }

  override onActivate() {
    this.listenTo({ event: 'said' }, (event) => this.fire('noted', note('coded', event as Said)), { name: 'coded' });
  }

  @Command({ onConflict: 'rerun' }) follow(source: string) {
    if (!this.state.follows.includes(source)) this.fire('followed', { source });
  }

  @Command({ onConflict: 'rerun' }) unfollow(source: string) {
    if (this.state.follows.includes(source)) this.fire('unfollowed', { source });
  }

  @ListenTo((state: ListenerState) => state.follows) onFollowed(event: Said) {
    this.fire('noted', note('followed', event));
  }

  @ListenTo<SaidEvents, 'said'>({ events: ['said'] }) onNamed(event: Said) {
    this.fire('noted', note('named', event));
  }

  @EventHandler() followed({ source }: ListenerEvents['followed']) {
    this.state.follows.push(source);
  }

  @EventHandler() unfollowed({ source }: ListenerEvents['unfollowed']) {
    this.state.follows = this.state.follows.filter((each) => each !== source);
  }
}

/** Listens to streams that its state names, to a name, and in code; that sees nobody else. */
@Actor({ prefix: 'plain-' })
export class PlainListener extends Actor<ListenerState, ListenerEvents> {
  initialState(): ListenerState {
    return { follows: [] };
  }

  override onActivate() {
    this.listenTo({ event: 'said' }, (event) => this.fire('noted', note('coded', event as Said)), { name: 'coded' });
  }

  @Command({ onConflict: 'rerun' }) follow(source: string) {
    if (!this.state.follows.includes(source)) this.fire('followed', { source });
  }

  @Command({ onConflict: 'rerun' }) unfollow(source: string) {
    if (this.state.follows.includes(source)) this.fire('unfollowed', { source });
  }

  @ListenTo((state: ListenerState) => state.follows) onFollowed(event: Said) {
    this.fire('noted', note('followed', event));
  }

  @ListenTo<SaidEvents, 'said'>({ events: ['said'] }) onNamed(event: Said) {
    this.fire('noted', note('named', event));
  }

  @EventHandler() followed({ source }: ListenerEvents['followed']) {
    this.state.follows.push(source);
  }

  @EventHandler() unfollowed({ source }: ListenerEvents['unfollowed']) {
    this.state.follows = this.state.follows.filter((each) => each !== source);
  }
}

/** Listens to streams that its state names, to a name, and in code; led by one node. */
@Actor({ prefix: 'one-' })
export class OneListener extends OneActor<ListenerState, ListenerEvents> {
  initialState(): ListenerState {
    return { follows: [] };
  }

  override onActivate() {
    this.listenTo({ event: 'said' }, (event) => this.fire('noted', note('coded', event as Said)), { name: 'coded' });
  }

  @Command({ onConflict: 'rerun' }) follow(source: string) {
    if (!this.state.follows.includes(source)) this.fire('followed', { source });
  }

  @Command({ onConflict: 'rerun' }) unfollow(source: string) {
    if (this.state.follows.includes(source)) this.fire('unfollowed', { source });
  }

  @ListenTo((state: ListenerState) => state.follows) onFollowed(event: Said) {
    this.fire('noted', note('followed', event));
  }

  @ListenTo<SaidEvents, 'said'>({ events: ['said'] }) onNamed(event: Said) {
    this.fire('noted', note('named', event));
  }

  @EventHandler() followed({ source }: ListenerEvents['followed']) {
    this.state.follows.push(source);
  }

  @EventHandler() unfollowed({ source }: ListenerEvents['unfollowed']) {
    this.state.follows = this.state.follows.filter((each) => each !== source);
  }
}

/** Called into life by what concerns it; decided on every node. */
@Actor({ prefix: 'called-live-' })
export class LiveCalled extends LiveActor<Record<never, never>, ListenerEvents> {
  initialState() {
    return {};
  }

  @ListenTo<SaidEvents, 'said'>({ events: ['said'], to: calledBy }) onCalled(event: Said) {
    this.fire('noted', note('called', event));
  }
}

/** Called into life by what concerns it; that sees nobody else. */
@Actor({ prefix: 'called-plain-' })
export class PlainCalled extends Actor<Record<never, never>, ListenerEvents> {
  initialState() {
    return {};
  }

  @ListenTo<SaidEvents, 'said'>({ events: ['said'], to: calledBy }) onCalled(event: Said) {
    this.fire('noted', note('called', event));
  }
}

/** Called into life by what concerns it; led by one node. */
@Actor({ prefix: 'called-one-' })
export class OneCalled extends OneActor<Record<never, never>, ListenerEvents> {
  initialState() {
    return {};
  }

  @ListenTo<SaidEvents, 'said'>({ events: ['said'], to: calledBy }) onCalled(event: Said) {
    this.fire('noted', note('called', event));
  }
}
