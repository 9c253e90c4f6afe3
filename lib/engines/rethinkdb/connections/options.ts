import { type Environment, SYSTEM } from '../../../engine/environment/index.js';

/** The address of a server's driver port. */
export interface RethinkDbServer {
  /** Default `'localhost'`. */
  host?: string;
  /** Default 28015. */
  port?: number;
}

/** The options of `new RethinkDbEngine()`. All have a default. */
export interface RethinkDbEngineOptions {
  /** The servers of one cluster, tried in turn. Default: `localhost:28015`. */
  servers?: readonly RethinkDbServer[];
  /** The database. It is created when missing. Default `'omniscient'`. */
  database?: string;
  /** The user's name. Default `'admin'`. */
  user?: string;
  password?: string;
  /**
   * `true` if this machine trusts the servers' certificate, or the certificate authority in PEM format. Default: no
   * encryption.
   */
  tls?: boolean | { readonly ca: string | Buffer };
  /** Copies of each table that this engine creates. Default: one for each server, 3 at most. */
  replicas?: number;
  /** Shards of the tables of commits that this engine creates. Default 1. */
  shards?: number;
  /**
   * When a commit is acknowledged. With `'soft'`, it may not be on disk yet, and a power cut may take it back. Default
   * `'hard'`.
   */
  durability?: 'hard' | 'soft';
  /** How long a query waits for a connection, in milliseconds. Default 5,000. */
  connectTimeoutMs?: number;
  /**
   * How long a query waits for an answer, in milliseconds. Then the connection is given up and another server is tried.
   * Default 5,000.
   */
  queryTimeoutMs?: number;
  /** Gets warnings about the cluster, for an operator. Default `process.emitWarning`. */
  warn?: (message: string) => void;
  /** Where time, timers and randomness come from; a simulation gives its own. Default: the machine. */
  environment?: Environment;
}

export type Settings = Required<Omit<RethinkDbEngineOptions, 'replicas'>> & { readonly replicas: number | undefined };

export function settingsOf(options: RethinkDbEngineOptions): Settings {
  return {
    servers: options.servers?.length ? options.servers : [{}],
    database: options.database ?? 'omniscient',
    user: options.user ?? 'admin',
    password: options.password ?? '',
    tls: options.tls ?? false,
    replicas: options.replicas,
    shards: options.shards ?? 1,
    durability: options.durability ?? 'hard',
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    queryTimeoutMs: options.queryTimeoutMs ?? 5_000,
    warn: quietly(options.warn ?? ((message) => process.emitWarning(message))),
    environment: options.environment ?? SYSTEM,
  };
}

/** Ignores errors of the user's function, which must not keep the engine from opening. */
function quietly(warn: (message: string) => void): (message: string) => void {
  return (message) => {
    try {
      warn(message);
    } catch {
      // There is nobody to report it to.
    }
  };
}
