import { type DriverConnection, loadDriver, type Reql } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { SimulatedConnection } from './connection.js';
import type { Machine } from './machine.js';
import type { Network } from './network.js';
import type { Sabotage } from './sabotage.js';
import type { Ast } from './terms.js';

type Call = (...values: unknown[]) => unknown;
type Buildable = Call & { build(): Ast } & Record<string, unknown>;

/**
 * The driver with its own terms, so that queries are what they are on the wire, and connections that lead to the simulated cluster. A server's host is
 * its name: `s0`, `s1` …
 */
export async function simulatedDriver(network: Network, machine: Machine, sabotage: Sabotage = {}): Promise<Reql> {
  const real = (await loadDriver()) as unknown as Record<string, unknown>;
  const raw = new WeakMap<object, Buildable>();

  const asked = (connection: SimulatedConnection, term: Buildable): Promise<unknown> => {
    const query = sabotage.rewrite?.(term.build()) ?? term.build();
    return connection.ask(query).catch((error: unknown) => Promise.reject(sabotage.mistake?.(error) ?? error));
  };

  const wrapped = (term: Buildable): object => {
    const proxy = new Proxy(term, {
      get: (target, name: string) => {
        if (name === 'run') return (connection: SimulatedConnection) => asked(connection, target);
        const value = target[name];
        return typeof value === 'function' ? calling(target, value as Call) : value;
      },
      apply: (target, _this, values: unknown[]) => wrapped(target(...values.map(bare)) as Buildable),
    });
    raw.set(proxy, term);
    return proxy;
  };

  const calling =
    (target: unknown, method: Call): Call =>
    (...values) =>
      wrapped(method.apply(target, values.map(bare)) as Buildable);

  /** What the real driver is given: its own terms, not what is wrapped around them. */
  const bare = (value: unknown): unknown => {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return value;
    const term = raw.get(value);
    if (term) return term;
    if (typeof value === 'function') {
      const given = value as Call;
      // The driver counts the arguments that a function takes.
      if (given.length === 3)
        return (a: Buildable, b: Buildable, c: Buildable) => bare(given(wrapped(a), wrapped(b), wrapped(c)));
      return (a: Buildable) => bare(given(wrapped(a)));
    }
    if (Array.isArray(value)) return value.map(bare);
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, bare(each)]));
  };

  class TcpConnection {
    constructor(options: { host: string }, opened: (error: unknown) => void) {
      let inner: SimulatedConnection | undefined;
      const listeners: [string, () => void][] = [];
      const server = Number(options.host.slice(1));
      network.connect(machine, server, (error) => {
        if (!error) inner = new SimulatedConnection(network, machine, server);
        for (const [event, listener] of listeners) inner?.on(event, listener);
        opened(error);
      });
      const facade: DriverConnection & { ask(ast: Ast): Promise<unknown> } = {
        on: (event, listener) => (inner ? inner.on(event, listener) : listeners.push([event, listener])),
        close: async () => inner?.close(),
        ask: (ast) => (inner as SimulatedConnection).ask(ast),
        get open() {
          return inner?.open ?? false;
        },
      };
      // biome-ignore lint/correctness/noConstructorReturn: what the driver gives is built when it is open.
      return facade as unknown as TcpConnection;
    }
  }

  return new Proxy({} as Reql, {
    get: (_target, name: string) => {
      if (name === 'net') return { TcpConnection };
      if (name === 'then') return undefined;
      const value = real[name];
      return typeof value === 'function' && !('build' in (value as object))
        ? calling(real, value as Call)
        : wrapped(value as Buildable);
    },
  });
}
