import { IsString, Length } from 'class-validator';

export class AddLifeDto {
  @IsString() @Length(1, 100) why!: string;
}

export class DieDto {
  @IsString() @Length(1, 100) to!: string;
}

export class ExitDto {
  @IsString() @Length(1, 100) why!: string;
}
