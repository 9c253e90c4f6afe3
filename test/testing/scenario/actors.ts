import { Inject } from '@nestjs/common';
import { Actor, Clock, Command, EventHandler, type EventInfo, Ids, LiveActor } from 'omniscient-nest';

/** Another system, which a test must not reach. */
export class TokenService {
  issue(): string {
    return 'a-token';
  }
}

export interface UserState {
  loggedIn: boolean;
  failedLogins: number;
  password?: string;
}

export interface UserEvents {
  signed_up: { username: string; password: string };
  logged_in: { token: string; browserFingerprint: object };
  invalid_login: { browserFingerprint: object };
  payment_received: { cents: number };
}

@Actor()
export class User extends LiveActor<UserState, UserEvents> {
  constructor(private readonly tokens: TokenService) {
    super();
  }

  initialState(): UserState {
    return { loggedIn: false, failedLogins: 0 };
  }

  @Command()
  login(password: string, browserFingerprint: object): string | undefined {
    if (password !== this.state.password) {
      this.fire('invalid_login', { browserFingerprint });
      return undefined;
    }
    const token = this.tokens.issue();
    this.fire('logged_in', { token, browserFingerprint });
    return token;
  }

  @Command()
  async pay(cents: number): Promise<void> {
    this.fire('payment_received', { cents });
    if (cents <= 0) throw new RangeError(`nobody pays ${cents} cents`);
  }

  @EventHandler()
  signed_up(data: UserEvents['signed_up']) {
    this.state.password = data.password;
  }

  @EventHandler('logged_in')
  onLogin() {
    this.state.loggedIn = true;
  }

  @EventHandler('invalid_login')
  onBadLogin() {
    this.state.failedLogins += 1;
  }
}

/** Lives on the same streams as `User`. */
@Actor()
export class Player extends LiveActor<{ lives: number }, { payment_received: { cents: number }; life_lost: object }> {
  initialState() {
    return { lives: 3 };
  }

  @Command()
  loseLife(): number {
    if (this.state.lives === 0) throw new Error('no life left');
    this.fire('life_lost');
    return this.state.lives;
  }

  @EventHandler()
  payment_received({ cents }: { cents: number }) {
    this.state.lives += Math.floor(cents / 100);
  }

  @EventHandler()
  life_lost() {
    this.state.lives -= 1;
  }
}

export interface Booking {
  id: string;
  seats: number[];
  guest: { name: string; vip: boolean };
}

/** Uses the time and ids that are injected, and keys of every kind. */
@Actor({ prefix: 'hotel-' })
export class Hotel extends LiveActor<{ bookings: Booking[]; lastAt: string }, { booked: Booking & { at: number } }> {
  constructor(
    private readonly clock: Clock,
    private readonly ids: Ids,
    @Inject('SEATS') private readonly seats: number[],
  ) {
    super();
  }

  initialState() {
    return { bookings: [] as Booking[], lastAt: '' };
  }

  @Command()
  book(name: string): Booking {
    const booking = { id: this.ids.next(), seats: this.seats, guest: { name, vip: name === 'Ada' } };
    this.fire('booked', { ...booking, at: this.clock.now() });
    return booking;
  }

  @EventHandler()
  booked({ at: _, ...booking }: Booking & { at: number }, { metadata }: EventInfo<'booked'>) {
    this.state.bookings.push(booking);
    this.state.lastAt = metadata.at;
  }
}
