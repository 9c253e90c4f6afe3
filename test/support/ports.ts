import { createServer } from 'node:net';

/** Below the range from which the system takes ports for outgoing connections: who is down for a while keeps his port. */
const PORT_MIN = 15_000;
const PORT_MAX = 32_000;

/** A port of this machine on which nobody listens now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}
