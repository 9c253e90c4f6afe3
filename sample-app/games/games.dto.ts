import { Matches } from 'class-validator';
import { NAME, NAME_RULE } from '../common/name.js';

export class PlayerDto {
  @Matches(NAME, { message: `player ${NAME_RULE}` }) player!: string;
}
