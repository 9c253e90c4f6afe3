import { Module } from '@nestjs/common';
import { RequestLog } from './request-log.js';
import { RequestsController } from './requests.controller.js';

@Module({ controllers: [RequestsController], providers: [RequestLog] })
export class RequestsModule {}
