import { Type } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';

export class AfterDto {
  @Type(() => Number) @IsInt() @Min(0) @Max(Number.MAX_SAFE_INTEGER) after = 0;
}
