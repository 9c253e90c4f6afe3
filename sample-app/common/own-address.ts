import type { AddressInfo } from 'node:net';
import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** Where others find this process. In production that is a setting: the address of the proxy before it. */
@Injectable()
export class OwnAddress {
  constructor(private readonly host: HttpAdapterHost) {}

  url(path: string): string {
    const address = this.host.httpAdapter.getHttpServer().address() as AddressInfo | null;
    return `http://localhost:${address?.port ?? 0}${path}`;
  }
}
