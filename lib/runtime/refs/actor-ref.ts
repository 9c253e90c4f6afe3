import type {
  ActorBase,
  CommandsOf,
  DeepReadonly,
  EventsOf,
  FiredName,
  IsOne,
  PayloadArgument,
  StateOf,
} from '../../kernel/declaring/index.js';
import { type ActorDefinition, type CommandDefinition, checkedArguments } from '../../kernel/defining/index.js';
import { copyOfArguments, copyOfData } from '../../kernel/state/index.js';
import { UnknownCommandError } from '../../kernel/values/index.js';
import type { Activation, ActorHost } from '../hosting/index.js';
import { assertKey, fireOne, onceCommand } from '../turn/index.js';

/**
 * An actor as seen from outside: its commands, each returning a promise, and a frozen view of its state.
 *
 * Plain data in an argument (objects and arrays) is copied at the call, and again for each run of a command that may
 * run again. So neither the caller's later changes nor the command's own changes are visible to the other. Anything
 * else (a class instance, a function, a stream, an object with methods) is passed as it is. A `OneActor` refuses it,
 * because its arguments travel as JSON.
 */
export type ActorRef<A extends ActorBase<object, object>> = ActorHandle<A> &
  CommandsOf<A> &
  (IsOne<A> extends true ? LedHandle : unknown);

/** Members that every ref has besides its class's commands. */
export interface ActorHandle<A extends ActorBase<object, object>> {
  /** The id with which the actor was requested. */
  readonly id: string;
  /**
   * The state with the pending events of finished commands, frozen. Events of a running command are left out, because
   * they may still be discarded. Of a `OneActor` it is the confirmed state. After the activation ended (idle for
   * `passivateAfterMs`), it is the state as of then; reading it starts loading the actor again.
   */
  readonly state: DeepReadonly<StateOf<A>>;
  /** The state as of the last stored event, frozen, and that event's version. */
  readonly confirmed: { readonly state: DeepReadonly<StateOf<A>>; readonly version: number };
  /** The version of the last stored event in the state; 0 for the empty stream. */
  readonly version: number;
  /** How many events of finished commands are applied here and not stored yet. */
  readonly pending: number;
  /**
   * Fires one event, as a command of its own.
   *
   * @returns a promise that resolves when the event is stored. It rejects with SchemaError (`SCHEMA_MISMATCH`),
   *   PayloadError (`PAYLOAD_NOT_JSON`) or HandlerError (`HANDLER_FAILED`) when the event is refused, or as any command
   *   does.
   */
  fire<Name extends FiredName<EventsOf<A>>>(name: Name, ...data: PayloadArgument<EventsOf<A>[Name]>): Promise<void>;
  /**
   * Returns the same commands with an idempotency key. A command that is given again with the same key, on any node,
   * has no second effect and gets the same answer. The actor remembers the last 1,000 keys. A failed command is not
   * remembered. Another command with the same key is refused (`KEY_REUSED`).
   *
   * @param key 1 to 200 characters; an HTTP client's `Idempotency-Key`, for instance.
   * @throws OmniscientError (`INVALID_KEY`).
   */
  once(key: string): CommandsOf<A>;
  /**
   * Declares that this ref is not used for now, so the activation may end as soon as it is idle. The ref stays valid.
   */
  release(): void;
}

/** Members that only the ref of a `OneActor` has. */
export interface LedHandle {
  /** Whether this node leads the actor, as far as it knows. */
  readonly isLeader: boolean;
}

type AnyActor = ActorBase<object, object>;

/** A ref's commands with an idempotency key. The commands are added once for each class. */
class OnceHandle {
  readonly #handle: Handle;
  readonly #key: string;

  constructor(handle: Handle, key: string) {
    this.#handle = handle;
    this.#key = key;
  }

  /** It is static and all fields are private, because a class may have a command of any name. */
  static run(given: OnceHandle, command: CommandDefinition, args: readonly unknown[]): Promise<unknown> {
    return Handle.run(given.#handle, command, [given.#key, ...args]);
  }
}

/** Finds the activation again after it ended. The commands are added once for each class. */
class Handle implements ActorHandle<AnyActor> {
  static Once = OnceHandle;
  readonly #host: ActorHost;
  #activation: Activation;
  #held = true;
  /** How many commands wait for the actor to be loaded again. Later ones must not overtake them. */
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
    return this.#forReading().seen() as never;
  }

  get confirmed(): { state: never; version: number } {
    const { optimistic } = this.#forReading();
    return { state: optimistic.confirmed() as never, version: optimistic.version };
  }

  get version(): number {
    return this.#forReading().optimistic.version;
  }

  get isLeader(): boolean {
    return this.#forReading().leader?.leads ?? false;
  }

  get pending(): number {
    return this.#forReading().pending;
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
   * Runs a command on the current activation, loading the actor again if needed. The order of the calls is kept. It is
   * static, because a class may have a command of any name.
   */
  static run(handle: Handle, command: CommandDefinition, args: readonly unknown[]): Promise<unknown> {
    if (handle.#activation.alive && handle.#waiting === 0)
      return handle.#host.submit(handle.#activation, command, args);
    handle.#waiting += 1;
    // All waiting commands share one promise, whose callbacks run in the order of the calls.
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

  #forReading(): Activation {
    const activation = this.#activation;
    if (activation.alive) activation.used = true;
    // A load failure is reported to whoever gives a command. Reading never throws.
    else if (!this.#host.closing) this.#reactivate().catch(() => {});
    return this.#activation;
  }
}

/** Creates the refs of one class. Its commands become methods of one prototype. */
export function refFactory<A extends AnyActor>(
  definition: ActorDefinition,
): (host: ActorHost, activation: Activation) => ActorRef<A> {
  class Once extends OnceHandle {}
  class Ref extends Handle {
    static override Once = Once;
  }
  for (const [name, command] of definition.commands) {
    // Arguments are checked here, before they are sent anywhere: once, whichever node leads, and in the order of the
    // calls.
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
