import { Matches } from 'class-validator';
import { MayBeLeftOut } from '../common/may-be-left-out.js';
import { NAME, NAME_RULE } from '../common/name.js';

export class LiveQuery {
  @MayBeLeftOut() @Matches(NAME, { message: `player ${NAME_RULE}` }) player?: string;
  @MayBeLeftOut() @Matches(NAME, { message: `game ${NAME_RULE}` }) game?: string;
}
