import { Type } from 'class-transformer';
import { IsInt, Min } from 'class-validator';

export class AfterDto {
  @Type(() => Number) @IsInt() @Min(0) after = 0;
}
