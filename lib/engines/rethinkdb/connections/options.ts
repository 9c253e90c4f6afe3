import type { Environment } from '../../../engine/environment/environment.js';
import { SYSTEM } from '../../../engine/environment/system-environment.js';

/** Address of a server's driver port. */
export interface RethinkDbServer {
  /** Default `'localhost'`. */
  host?: string;
  /** Default 28015. */
  port?: number;
}

/** What `new RethinkDbEngine()` takes; everything has a default. */
export interface RethinkDbEngineOptions {
  /** Servers of one cluster, tried in turn. Default: the one on this machine. */
  servers?: readonly RethinkDbServer[];
  /** Created when missing. Default `'omniscient'`. */
  database?: string;
  /** Default `'admin'`. */
  user?: string;
  password?: string;
  /** `true` for a certificate that this machine trusts, or the certificate authority in PEM format. Default: no encryption. */
  tls?: boolean | { readonly ca: string | Buffer };
  /** Copies of each table it creates. Default: as many as there are servers, 3 at most. */
  replicas?: number;
  /** Parts of the tables of commits it creates. Default 1. */
  shards?: number;
  /** `'soft'` acknowledges before the disk has it: a power cut may take back what was acknowledged. Default `'hard'`. */
  durability?: 'hard' | 'soft';
  /** How long to wait for a connection. Milliseconds. Default 5,000. */
  connectTimeoutMs?: number;
  /** How long to wait for an answer before the connection is given up and another server is tried. Milliseconds. Default 5,000. */
  queryTimeoutMs?: number;
  /** Gets what an operator should know of the cluster. Default `process.emitWarning`. */
  warn?: (message: string) => void;
  /** Where it takes time, timers and randomness from: a simulation gives another. Default: the machine. */
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

/** What the user's function throws must not keep the engine from opening. */
function quietly(warn: (message: string) => void): (message: string) => void {
  return (message) => {
    try {
      warn(message);
    } catch {
      // There is nobody else to tell.
    }
  };
}
