import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';

/** What players and games may be called. */
export const NAME = /^[\p{L}\p{N}_-]{1,40}$/u;

export const NAME_RULE = 'must be 1 to 40 letters, digits, _ or -';

/** For names that come in a path. */
@Injectable()
export class NamePipe implements PipeTransform<string, string> {
  transform(name: string): string {
    if (NAME.test(name)) return name;
    throw new BadRequestException(`name ${NAME_RULE}`);
  }
}
