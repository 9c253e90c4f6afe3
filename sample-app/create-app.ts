import { fileURLToPath } from 'node:url';
import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule, type AppOptions } from './app.module.js';
import { ErrorFilter } from './common/error.filter.js';

/** The page's files are served as they are, from the sources: this file runs from `.build/sample-app/`. */
const PAGE_FOLDER = fileURLToPath(new URL('../../sample-app/page', import.meta.url));

/** The application, ready to listen. */
export async function createApp(options: AppOptions): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(options), {
    abortOnError: false,
    forceCloseConnections: true,
    logger: ['error', 'warn'],
  });
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }));
  app.useGlobalFilters(new ErrorFilter());
  app.useStaticAssets(PAGE_FOLDER);
  app.enableShutdownHooks();
  return app;
}
