import { NestFactory } from '@nestjs/core';
import { Logins } from './logins.js';

/** Starts an app of this module, uses its actor, prints what came of it as a line of JSON, and stops. */
export async function run(appModule: new () => object): Promise<void> {
  const app = await NestFactory.createApplicationContext(appModule, { logger: ['error', 'warn'] });
  console.log(JSON.stringify(await app.get(Logins).run()));
  await app.close();
}
