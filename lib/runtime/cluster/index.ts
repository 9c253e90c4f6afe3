export { Cluster } from './cluster.js';
export type { ErrorClass } from './error-codec.js';
export type { Membership } from './membership.js';
export type { NodeClocks } from './node-clocks.js';
export type { NoReply, RemoteCall, Reply } from './remote-call.js';
export { decodeArguments, encodeArguments } from './remote-calls.js';
