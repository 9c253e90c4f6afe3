import 'reflect-metadata';
import { chooseEngine } from './choose-engine.js';
import { createApp } from './create-app.js';

const port = Number(process.env.PORT ?? 3000);

try {
  const { engine, place, tables } = await chooseEngine(process.env);
  const app = await createApp({ engine, tables, nodeId: `node-${port}` });
  await app.listen(port);
  console.log(`The game is at http://localhost:${port} (events in ${place}). Open it in two windows.`);
  process.send?.('ready');
} catch (error) {
  console.error(`The game cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
