import { Injectable } from '@nestjs/common';

@Injectable()
export class TokenService {
  issue(): string {
    return 'a-token';
  }
}
