import { join } from 'node:path';
import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule, type AppOptions } from './app.module.js';
import { ErrorFilter } from './common/error.filter.js';

/** Compiled, this file runs from `.build/sample-app/`, but the page's files are served from the sources, as they are. */
const SOURCE_FOLDER = import.meta.dirname.replace(/\.build[\\/]sample-app$/, 'sample-app');
/** Where the page's links to the sources of what it shows lead. */
const SOURCE_PATH = '/source/';

/** The application, ready to listen. */
export async function createApp(options: AppOptions): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(options), {
    abortOnError: false,
    forceCloseConnections: true,
    logger: ['error', 'warn'],
  });
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }));
  app.useGlobalFilters(new ErrorFilter());
  app.useStaticAssets(join(SOURCE_FOLDER, 'page'));
  serveSources(app);
  app.enableShutdownHooks();
  return app;
}

/** To be read, never run: every file of this folder, and of no other, as plain text. */
function serveSources(app: NestExpressApplication): void {
  app.useStaticAssets(SOURCE_FOLDER, {
    prefix: SOURCE_PATH,
    index: false,
    redirect: false,
    dotfiles: 'ignore',
    setHeaders: (response) => {
      response.setHeader('content-type', 'text/plain; charset=utf-8');
      response.setHeader('x-content-type-options', 'nosniff');
    },
  });
}
