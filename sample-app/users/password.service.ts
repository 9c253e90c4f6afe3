import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Injectable } from '@nestjs/common';

const derive = promisify<string, Buffer, number, Buffer>(scrypt);
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/** Salted scrypt hashes (RFC 7914). */
@Injectable()
export class PasswordService {
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    const key = await derive(password, salt, KEY_BYTES);
    return `${salt.toString('base64url')}.${key.toString('base64url')}`;
  }

  async matches(password: string, hash: string): Promise<boolean> {
    const [salt = '', key = ''] = hash.split('.');
    const found = await derive(password, Buffer.from(salt, 'base64url'), KEY_BYTES);
    return timingSafeEqual(found, Buffer.from(key, 'base64url'));
  }
}
