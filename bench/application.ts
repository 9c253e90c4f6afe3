import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Actor,
  Command,
  EventHandler,
  EventSourcingModule,
  type EventSourcingOptions,
  LiveActor,
} from 'omniscient-nest';
import type { Engine } from 'omniscient-nest/engine';
import { MemoryEngine } from 'omniscient-nest/memory';
import { SqliteEngine } from 'omniscient-nest/sqlite';

/** The actor of most benchmarks: one event of about 200 bytes a command. */
@Actor()
export class Meter extends LiveActor<{ count: number }, { counted: { by: number; note: string } }> {
  initialState() {
    return { count: 0 };
  }

  @Command() count(note: string): number {
    this.fire('counted', { by: 1, note });
    return this.state.count;
  }

  @EventHandler() counted({ by }: { by: number }) {
    this.state.count += by;
  }
}

/** Fills an event's payload up to about 200 bytes. */
export const NOTE = 'x'.repeat(175);

class BenchModule {}

/** An application as a user would have it, without HTTP. */
export function startApplication(actors: Type[], options: EventSourcingOptions): Promise<INestApplicationContext> {
  const imports = [EventSourcingModule.forRoot(options), EventSourcingModule.forFeature(actors as never)];
  return NestFactory.createApplicationContext(
    { module: BenchModule, imports },
    { logger: ['error', 'warn'], abortOnError: false },
  );
}

export function newEngine(name: string, file: string): SqliteEngine | MemoryEngine {
  return name === 'memory' ? new MemoryEngine() : new SqliteEngine({ file });
}

/** `n` calls, so many at a time. */
export async function call(
  callers: number,
  n: number,
  one: (i: number) => Promise<unknown> | undefined,
): Promise<void> {
  let next = 0;
  const caller = async () => {
    while (next < n) await one(next++);
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

/** Counts the calls of an engine's methods from now on. */
export function countCalls<Name extends keyof Engine>(engine: Engine, names: readonly Name[]): Record<Name, number> {
  const counts = {} as Record<Name, number>;
  for (const name of names) {
    const method = engine[name] as unknown as (...args: unknown[]) => unknown;
    counts[name] = 0;
    const counted = (...args: unknown[]) => {
      counts[name] += 1;
      return method.apply(engine, args);
    };
    Object.defineProperty(engine, name, { value: counted });
  }
  return counts;
}

/** A folder that goes when the work is done. */
export async function inTemporaryFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'omniscient-bench-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
