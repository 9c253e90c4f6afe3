import { Controller, HttpCode, Post } from '@nestjs/common';
import { Demo, type DemoShown } from './demo.js';

@Controller('demo')
export class DemoController {
  constructor(private readonly demo: Demo) {}

  /** What the page asks for when its address names neither a player nor a game. */
  @Post()
  @HttpCode(200)
  prepare(): Promise<DemoShown> {
    return this.demo.prepare();
  }
}
