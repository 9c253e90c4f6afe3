import { IsString, Length } from 'class-validator';

export class AddLifeDto {
  @IsString() @Length(1, 100) why!: string;
}

export class LoseLifeDto {
  @IsString() @Length(1, 100) to!: string;
}
