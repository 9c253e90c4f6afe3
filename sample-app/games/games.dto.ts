import { IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { NAME, NAME_RULE } from '../common/name.js';

export class PlayerDto {
  @Matches(NAME, { message: `player ${NAME_RULE}` }) player!: string;
}

export class StartDto {
  @IsOptional() @IsInt() @Min(1) @Max(600) seconds = 60;
}
