import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { Logins } from './logins.js';
import { TokenService } from './token-service.js';
import { User } from './user.js';

@Module({ imports: [EventSourcingModule.forFeature([User])], providers: [Logins, TokenService], exports: [Logins] })
export class UserModule {}
