import 'reflect-metadata';
import { createApp } from './create-app.js';

const port = Number(process.env.PORT ?? 3000);
const database = process.env.DATABASE ?? './data/events.db';

try {
  const app = await createApp({ database, nodeId: `node-${port}` });
  await app.listen(port);
  console.log(`The game is at http://localhost:${port} (events in ${database}). Open it in two windows.`);
  process.send?.('ready');
} catch (error) {
  console.error(`The game cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
