import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { PasswordService } from './password.service.js';
import { TokenService } from './token.service.js';
import { User } from './user.js';
import { UsersController } from './users.controller.js';

@Module({
  imports: [EventSourcingModule.forFeature([User])],
  controllers: [UsersController],
  providers: [PasswordService, TokenService], // injected into the controller and into every User
})
export class UsersModule {}
