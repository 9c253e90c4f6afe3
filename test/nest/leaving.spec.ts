import { Agent, get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type BeforeApplicationShutdown,
  Controller,
  Get,
  type INestApplication,
  Injectable,
  Module,
  Sse,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Actor,
  type ActorRepository,
  EventHandler,
  EventSourcingModule,
  EventSubscriptions,
  InjectActor,
  LiveActor,
  Projection,
  Projections,
} from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import { map } from 'rxjs';
import { patientMs } from '../support/machine-speed.js';
import { silentLogger } from '../support/silent-logger.js';

/** An application that has nothing to do ends within this. Milliseconds. */
const ENDS_WITHIN_MS = 8_000;

@Actor({ ignores: ['ordered'] })
class Till extends LiveActor<object, { ordered: object }> {
  initialState() {
    return {};
  }
}

@Projection()
class Rows {
  @EventHandler() ordered() {}
}

@Controller()
class Screens {
  constructor(
    readonly events: EventSubscriptions,
    readonly projections: Projections,
    @InjectActor(Till) readonly tills: ActorRepository<Till>,
  ) {}

  @Sse('events') all() {
    return this.events.all$().pipe(map((data) => ({ data })));
  }
  @Sse('progress') progress() {
    return this.projections.progress$(Rows).pipe(map((data) => ({ data })));
  }
  @Sse('state') state() {
    return this.tills.state$('main').pipe(map((data) => ({ data })));
  }
  @Get('plain') plain() {
    return {};
  }
}

/** Something else that takes its time over the shutdown, while the server still listens. */
@Injectable()
class Slow implements BeforeApplicationShutdown {
  reached: () => void = () => {};
  release: () => void = () => {};
  readonly begun = new Promise<void>((resolve) => {
    this.reached = resolve;
  });
  readonly released = new Promise<void>((resolve) => {
    this.release = resolve;
  });

  async beforeApplicationShutdown() {
    this.reached();
    await this.released;
  }
}

let app: INestApplication;
let url: string;
let agent: Agent;

beforeEach(async () => {
  @Module({
    imports: [EventSourcingModule.forRoot({ engine: new MemoryEngine() }), EventSourcingModule.forFeature([Till])],
    controllers: [Screens],
    providers: [Rows, Slow],
  })
  class AppModule {}
  const testing = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger(silentLogger)
    .compile();
  app = testing.createNestApplication();
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  agent = new Agent({ keepAlive: true });
});
afterEach(async () => {
  agent.destroy();
  app.get(Slow).release();
  await app.close();
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  /** Its whole body, once it has ended. */
  readonly body: Promise<string>;
}

/** As a browser asks: over a connection that is kept alive. */
function ask(path: string, accept: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = get(`${url}/${path}`, { agent, headers: { accept } }, (response) => {
      const body = new Promise<string>((end) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('close', () => end(text)).on('error', () => {});
      });
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
    asked.on('error', reject);
  });
}

const stream = (path: string) => ask(path, 'text/event-stream');

/** An `EventSource`: as soon as its stream ends it connects again, until nobody is there. */
async function watchForEver(path: string): Promise<void> {
  for (;;) {
    const answer = await stream(path).catch(() => undefined);
    if (!answer) return;
    await answer.body;
    await sleep(20);
  }
}

describe('a node that shuts down', () => {
  it.each(['events', 'progress', 'state'])('ends although a browser streams %s and connects again', async (path) => {
    expect((await stream(path)).status).toBe(200);
    const watched = watchForEver(path);
    app
      .get(Slow)
      .begun.then(() => sleep(100))
      .then(() => app.get(Slow).release());
    const late = sleep(patientMs(ENDS_WITHIN_MS), 'still open', { ref: false });
    expect(await Promise.race([app.close(), late])).toBeUndefined();
    await watched;
  });

  it('sends requests elsewhere, and their connections; browsers connect to another node by themselves', async () => {
    expect((await ask('plain', '*/*')).headers.connection).toBe('keep-alive');
    const open = await stream('events');
    const closing = app.close();
    await app.get(Slow).begun;
    await open.body;

    const refused = await ask('plain', '*/*');
    expect(refused).toMatchObject({ status: 503, headers: { connection: 'close' } });
    expect(JSON.parse(await refused.body)).toMatchObject({ statusCode: 503 });

    // An EventSource never comes back after a 503.
    const again = await stream('events');
    expect(again).toMatchObject({
      status: 200,
      headers: { connection: 'close', 'content-type': 'text/event-stream' },
    });
    expect(await again.body).toBe('');

    app.get(Slow).release();
    await closing;
  });
});
