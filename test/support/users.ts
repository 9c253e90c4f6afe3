import { type } from 'arktype';
import { Actor, Command, EventHandler, type EventInfo, LiveActor, Upcast } from 'omniscient-nest';
import * as v from 'valibot';
import { z } from 'zod';

export interface UserState {
  users: { first: string; last: string; email: string | null }[];
}

/** The first version that was deployed. */
@Actor({ name: 'User' })
export class UserV1 extends LiveActor<object, { signed_up: { username: string }; joined: { name: string } }> {
  initialState() {
    return {};
  }
  @Command() signUp(username: string): void {
    this.fire('signed_up', { username });
  }
}

/** The second. */
@Actor({ name: 'User' })
export class UserV2 extends LiveActor<object, { signed_up: { username: string; email: string | null } }> {
  initialState() {
    return {};
  }
  @Command() signUp(username: string, email: string | null): void {
    this.fire('signed_up', { username, email });
  }
}

const v1 = z.strictObject({ username: z.string() });
const v2 = v.strictObject({ username: v.string(), email: v.nullable(v.string()) });
const v3 = type({ '+': 'reject', name: 'string', email: 'string | null' });

export interface UserEvents {
  signed_up: { first: string; last: string; email: string | null };
}

/** Today's: the third shape was never deployed alone, but its upcast is one of the chain. */
@Actor({ name: 'User' })
export class User extends LiveActor<UserState, UserEvents> {
  initialState(): UserState {
    return { users: [] };
  }

  @Upcast('signed_up', v1)
  static fromV1({ username }: z.infer<typeof v1>): v.InferOutput<typeof v2> {
    return { username, email: null };
  }

  @Upcast('signed_up', v2)
  static fromV2({ username, email }: v.InferOutput<typeof v2>): typeof v3.infer {
    return { name: username, email };
  }

  @Upcast('signed_up', v3)
  static fromV3({ name, email }: typeof v3.infer): UserEvents['signed_up'] {
    const [first = '', last = ''] = name.split(' ');
    return { first, last, email };
  }

  @Upcast('joined', { to: 'signed_up' })
  static fromJoined({ name }: { name: string }, { metadata }: EventInfo): typeof v3.infer {
    return { name, email: `${metadata.actor}@example.org` };
  }

  @Command() signUp(first: string, last: string): void {
    this.fire('signed_up', { first, last, email: null });
  }

  @EventHandler() signed_up(data: UserEvents['signed_up'], { name, metadata }: EventInfo): void {
    if (name !== 'signed_up' || metadata.actor !== 'User') throw new Error(`got ${name} of ${metadata.actor}`);
    this.state.users.push(data);
  }
}
