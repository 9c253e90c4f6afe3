/** An actor's class and its refs: handlers, commands, results, repositories. */
import { expectTypeOf } from 'expect-type';
import {
  Actor,
  type ActorRef,
  type ActorRepository,
  Command,
  EventHandler,
  EventSourcingModule,
  LiveActor,
} from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import type { Observable } from 'rxjs';

interface UserState {
  loggedIn: boolean;
  tags: string[];
}

interface UserEvents {
  signed_up: { username: string; password: string };
  logged_in: { token: string };
}

@Actor()
export class User extends LiveActor<UserState, UserEvents> {
  initialState(): UserState {
    return { loggedIn: false, tags: [] };
  }

  @Command()
  login(password: string, browserFingerprint: object): string | undefined {
    return browserFingerprint ? password : undefined;
  }

  @Command({ onConflict: 'rerun' })
  async later(times: number): Promise<{ times: number }> {
    return { times };
  }

  @EventHandler() signed_up(data: UserEvents['signed_up']) {
    this.state.tags.push(data.username);
  }

  @EventHandler('logged_in') onLogin() {
    this.state.loggedIn = true;
  }

  // @ts-expect-error there is no such event
  @EventHandler('logged_inn') onMisspelt() {}

  // @ts-expect-error no event is called like the method
  @EventHandler() nothing() {}

  // @ts-expect-error the payload is another one
  @EventHandler('signed_up') onOther(data: { username: number }) {
    this.state.tags.push(String(data.username));
  }

  // @ts-expect-error there is no such policy
  @Command({ onConflict: 'hope' }) hope() {}
}

// @ts-expect-error an actor has to extend one of the bases
@Actor()
export class Loose {}

declare const users: ActorRepository<User>;
declare const user: ActorRef<User>;

expectTypeOf(users.get('anna')).toEqualTypeOf<Promise<ActorRef<User>>>();
expectTypeOf(user.login('secret', {})).toEqualTypeOf<Promise<string | undefined>>();
expectTypeOf(user.later(3)).toEqualTypeOf<Promise<{ times: number }>>();
expectTypeOf(user.state.loggedIn).toEqualTypeOf<boolean>();
expectTypeOf(user.confirmed.version).toEqualTypeOf<number>();
expectTypeOf(user.fire('logged_in', { token: 't' })).toEqualTypeOf<Promise<void>>();
expectTypeOf(users.state$('anna')).toEqualTypeOf<Observable<ActorRef<User>['state']>>();

users.events$('anna').subscribe((event) => {
  if (event.name === 'signed_up') expectTypeOf(event.data).toEqualTypeOf<UserEvents['signed_up']>();
});

// @ts-expect-error a wrong argument
void user.login(1, {});
// @ts-expect-error an argument that is missing
void user.login('secret');
// @ts-expect-error no such command
void user.logout();
// @ts-expect-error a handler is no command
void user.signed_up({ username: 'a', password: 'b' });
// @ts-expect-error nobody but handlers writes to the state
user.state.loggedIn = false;
// @ts-expect-error not even deep inside
user.state.tags.push('x');
// @ts-expect-error an event that is not this actor's
void user.fire('logged_out', {});

EventSourcingModule.forRoot({ engine: new MemoryEngine(), commitTimeoutMs: 1_000 });
EventSourcingModule.forRootAsync({ useFactory: () => ({ engine: new MemoryEngine() }) });
// @ts-expect-error no such option
EventSourcingModule.forRoot({ commitTimeoutSeconds: 1 });
// @ts-expect-error a factory and a class at once
EventSourcingModule.forRootAsync({ useFactory: () => ({}), useClass: Object });
// @ts-expect-error neither
EventSourcingModule.forRootAsync({});
EventSourcingModule.forFeature([User]);
// @ts-expect-error no actor
EventSourcingModule.forFeature([Loose]);
