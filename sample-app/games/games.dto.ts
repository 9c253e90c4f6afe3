import { IsInt, Matches, Max, Min } from 'class-validator';
import { MayBeLeftOut } from '../common/may-be-left-out.js';
import { NAME, NAME_RULE } from '../common/name.js';
import { SECONDS_MAX } from './game.js';

export class PlayerDto {
  @Matches(NAME, { message: `player ${NAME_RULE}` }) player!: string;
}

export class StartDto {
  @MayBeLeftOut() @IsInt() @Min(1) @Max(SECONDS_MAX) seconds = 60;
}
