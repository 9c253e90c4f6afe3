import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/** Tells who is logged in. A real application would sign these, and check them; the sample only shows where they come from. */
@Injectable()
export class TokenService {
  issue(username: string): string {
    return `${username}.${randomUUID()}`;
  }
}
