import { IsOptional, Matches } from 'class-validator';
import { NAME, NAME_RULE } from '../common/name.js';

export class LiveQuery {
  @IsOptional() @Matches(NAME, { message: `player ${NAME_RULE}` }) player?: string;
  @IsOptional() @Matches(NAME, { message: `game ${NAME_RULE}` }) game?: string;
}
