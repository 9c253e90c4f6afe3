/** What somebody's code may throw, of which it is hard to say anything. Each is made anew: a Proxy that throws can't be compared. */
export const HOSTILE: Readonly<Record<string, () => unknown>> = {
  'a null prototype': () => Object.assign(Object.create(null), { status: 503 }),
  'a toString that throws': () => ({
    toString() {
      throw new Error('no text');
    },
  }),
  'a Proxy that throws': () => throwingProxy({}),
  'a Proxy of a function that throws': () => throwingProxy(() => {}),
  'a revoked Proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  'a bigint as message': () => Object.assign(new Error('text'), { message: 5n }),
  'a message that throws': () => withGetter(new Error('text'), 'message'),
  'a stack that throws': () => withGetter(new Error('text'), 'stack'),
  'a cause that throws': () => withGetter(new Error('text'), 'cause'),
  'a name that throws': () => withGetter(new Error('text'), 'name'),
  'a code that throws': () => withGetter(new Error('text'), 'code'),
  'a constructor that is none': () => Object.assign(new Error('text'), { constructor: undefined }),
  'a cause that is itself': () => {
    const error = new Error('round');
    error.cause = error;
    return error;
  },
  'errors that are no list': () => Object.assign(new AggregateError([], 'text'), { errors: throwingProxy([]) }),
  'a bigint': () => 10n,
  'a symbol': () => Symbol('sign'),
  undefined: () => undefined,
  null: () => null,
};

function throwingProxy(target: object): object {
  const refuse = () => {
    throw new Error('not to be looked at');
  };
  const traps = Reflect.ownKeys(Reflect).filter((name) => typeof Reflect[name as keyof typeof Reflect] === 'function');
  return new Proxy(target, Object.fromEntries(traps.map((name) => [name, refuse])));
}

function withGetter(error: Error, key: string): Error {
  return Object.defineProperty(error, key, {
    get() {
      throw new TypeError(`${key} is not to be read`);
    },
  });
}
