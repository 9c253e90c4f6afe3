import type { ActorBase } from '../../kernel/declaring/actor.js';
import type {
  CommandsOf,
  DeepReadonly,
  EventsOf,
  FiredName,
  IsOne,
  PayloadArgument,
  StateOf,
} from '../../kernel/declaring/types.js';
import type { ActorDefinition, CommandDefinition } from '../../kernel/defining/actor-definition.js';
import { checkedArguments } from '../../kernel/defining/schemas.js';
import { copyOfArguments, copyOfData } from '../../kernel/state/data-copy.js';
import { UnknownCommandError } from '../../kernel/values/errors.js';
import type { Activation } from '../hosting/activation.js';
import type { ActorHost } from '../hosting/actor-host.js';
import { fireOne } from '../turn/fire-one.js';
import { assertKey, onceCommand } from '../turn/once.js';

/**
 * An actor as seen from outside: its commands, each returning a promise, and a frozen view of its state.
 *
 * What is plain data in an argument (objects and arrays) is copied at the call, and again for each run of a command that may run again: neither what the
 * caller does to it later nor what the command does to it is seen by the other. Anything else (an instance of a class, a function, a stream, an object
 * with methods) is passed as it is; a `OneActor`, whose arguments travel, refuses it.
 */
export type ActorRef<A extends ActorBase<object, object>> = ActorHandle<A> &
  CommandsOf<A> &
  (IsOne<A> extends true ? LedHandle : unknown);

/** What every ref has beside its class's commands. */
export interface ActorHandle<A extends ActorBase<object, object>> {
  /** The id it was asked for by. */
  readonly id: string;
  /**
   * The state with pending changes of finished commands, frozen; not what a running command may still take back. After the activation was let go (idle for `passivateAfterMs`): the state as it was then, until the
   * next command or `get` brings it back; looking starts that.
   */
  readonly state: DeepReadonly<StateOf<A>>;
  /** The state up to the last stored event, frozen, and that event's version. */
  readonly confirmed: { readonly state: DeepReadonly<StateOf<A>>; readonly version: number };
  /** Version of the last stored event in the state; 0 for the empty stream. */
  readonly version: number;
  /** How many events of finished commands are applied here and not yet stored. */
  readonly pending: number;
  /** Fires one event, as a command of its own. Resolves when it is stored. */
  fire<Name extends FiredName<EventsOf<A>>>(name: Name, ...data: PayloadArgument<EventsOf<A>[Name]>): Promise<void>;
  /**
   * The same commands, given with an idempotency key: whoever gives the command again with the same key, on any node, has no second effect and gets the same
   * answer. The actor remembers the last 1,000 keys. A command that fails is not remembered. Another command with the same key is refused (`KEY_REUSED`).
   *
   * @param key 1 to 200 characters; an HTTP client's `Idempotency-Key`, say.
   * @throws OmniscientError (`INVALID_KEY`).
   */
  once(key: string): CommandsOf<A>;
  /** Says that this ref is no longer looked at: the activation may be let go as soon as it is idle. The ref stays valid. */
  release(): void;
}

/** What the ref of a `OneActor` has too. */
export interface LedHandle {
  /** Whether this node leads it, as far as it knows. */
  readonly isLeader: boolean;
}

type AnyActor = ActorBase<object, object>;

/** A ref's commands with an idempotency key; the commands are added for each class, once. */
class OnceHandle {
  readonly #handle: Handle;
  readonly #key: string;

  constructor(handle: Handle, key: string) {
    this.#handle = handle;
    this.#key = key;
  }

  /** Static, and all fields private, because a class may have a command of any name. */
  static run(given: OnceHandle, command: CommandDefinition, args: readonly unknown[]): Promise<unknown> {
    return Handle.run(given.#handle, command, [given.#key, ...args]);
  }
}

/** Finds the activation again when it was let go; the commands are added for each class, once. */
class Handle implements ActorHandle<AnyActor> {
  static Once = OnceHandle;
  readonly #host: ActorHost;
  #activation: Activation;
  #held = true;
  /** Commands that wait for the actor to be loaded again: later ones must not overtake them. */
  #waiting = 0;
  #returning: Promise<Activation> | undefined;

  constructor(host: ActorHost, activation: Activation) {
    this.#host = host;
    this.#activation = activation;
    activation.refs += 1;
  }

  get id(): string {
    return this.#activation.id;
  }

  get state(): never {
    return this.#looked().seen() as never;
  }

  get confirmed(): { state: never; version: number } {
    const { optimistic } = this.#looked();
    return { state: optimistic.confirmed() as never, version: optimistic.version };
  }

  get version(): number {
    return this.#looked().optimistic.version;
  }

  get isLeader(): boolean {
    return this.#looked().leader?.leads ?? false;
  }

  get pending(): number {
    return this.#looked().pending;
  }

  fire(name: string, ...data: unknown[]): Promise<void> {
    const payload = data.length === 0 ? {} : data[0];
    return Handle.run(this, fireOne, [name, copyOfData(payload)]) as Promise<void>;
  }

  once(key: string): never {
    assertKey(key);
    return new (this.constructor as typeof Handle).Once(this, key) as never;
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#activation.refs -= 1;
    if (this.#activation.refs === 0) void this.#host.passivate(this.#activation);
  }

  /**
   * Runs a command where the actor is now, loading it again if need be; in the order of the calls, also then. Static, because a class may have a
   * command of any name.
   */
  static run(handle: Handle, command: CommandDefinition, args: readonly unknown[]): Promise<unknown> {
    if (handle.#activation.alive && handle.#waiting === 0)
      return handle.#host.submit(handle.#activation, command, args);
    handle.#waiting += 1;
    // All that wait share one promise: its callbacks run in the order of the calls.
    handle.#returning ??= handle.#reactivate();
    return handle.#returning.then(
      (activation) => {
        handle.#arrived();
        return activation.alive ? handle.#host.submit(activation, command, args) : Handle.run(handle, command, args);
      },
      (error: unknown) => {
        handle.#arrived();
        throw error;
      },
    );
  }

  #arrived(): void {
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#returning = undefined;
  }

  async #reactivate(): Promise<Activation> {
    const activation = await this.#host.activate(this.id);
    if (activation !== this.#activation) {
      this.#activation = activation;
      if (this.#held) activation.refs += 1;
    }
    return activation;
  }

  #looked(): Activation {
    const activation = this.#activation;
    if (activation.alive) activation.used = true;
    // A state that can't be loaded now is told to whoever gives a command; looking never throws.
    else if (!this.#host.closing) this.#reactivate().catch(() => {});
    return this.#activation;
  }
}

/** Makes the refs of one class; its commands become methods of a prototype of its own, once. */
export function refFactory<A extends AnyActor>(
  definition: ActorDefinition,
): (host: ActorHost, activation: Activation) => ActorRef<A> {
  class Once extends OnceHandle {}
  class Ref extends Handle {
    static override Once = Once;
  }
  for (const [name, command] of definition.commands) {
    // Checked here, before it is sent anywhere: once, whoever leads, and in the order of the calls.
    const call = command.schemas
      ? async (ref: Handle, args: unknown[]) =>
          Handle.run(ref, command, copyOfArguments(checkedArguments(definition.name, command, args)))
      : (ref: Handle, args: unknown[]) => Handle.run(ref, command, copyOfArguments(args));
    define(Ref.prototype, name, function (this: Handle, ...args: unknown[]) {
      return call(this, args);
    });
    const once = onceCommand(command);
    define(Once.prototype, name, async function (this: OnceHandle, ...args: unknown[]) {
      const checked = command.schemas ? checkedArguments(definition.name, command, args) : args;
      return OnceHandle.run(this, once, copyOfArguments(checked));
    });
  }
  for (const method of methodsOf(definition.actorClass)) {
    if (method in Ref.prototype) continue;
    const message = `${definition.name}.${method} is not a command: mark it with @Command() to call it through a ref`;
    define(Ref.prototype, method, () => Promise.reject(new UnknownCommandError(message)));
  }
  return (host, activation) => new Ref(host, activation) as unknown as ActorRef<A>;
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}

function methodsOf(actorClass: { prototype: object }): Set<string> {
  const names = new Set<string>();
  for (let p = actorClass.prototype; p && p !== Object.prototype; p = Object.getPrototypeOf(p)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(p))) {
      if (typeof value === 'function' && name !== 'constructor') names.add(name);
    }
  }
  names.delete('then');
  return names;
}
