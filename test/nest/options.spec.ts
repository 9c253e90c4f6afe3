import { describe, expect, it } from '@jest/globals';
import type { DynamicModule } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Actor,
  type ActorOptions,
  Command,
  type CommandOptions,
  EventSourcingModule,
  type EventSourcingOptions,
  LiveActor,
} from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import { DEFAULT_LIMITS } from '../../lib/runtime/parts/settings.js';
import { silentLogger } from '../support/silent-logger.js';

/** Options as a file of settings or plain JavaScript gives them: the compiler has not seen them. */
type Unseen = Readonly<Record<string, unknown>>;

const root = (options: Unseen = {}) =>
  EventSourcingModule.forRoot({ engine: new MemoryEngine(), ...options } as EventSourcingOptions);

function withActor(actor: Unseen, command: Unseen = {}): DynamicModule[] {
  @Actor(actor as ActorOptions)
  class Odd extends LiveActor<object, object> {
    initialState() {
      return {};
    }
    @Command(command as CommandOptions) go(): void {}
  }
  return [root(), EventSourcingModule.forFeature([Odd])];
}

/** Why Nest can't build an application of these; `undefined` if it can. */
async function refusal(imports: DynamicModule[]): Promise<(Error & { code?: string }) | undefined> {
  try {
    await (await Test.createTestingModule({ imports }).setLogger(silentLogger).compile()).close();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

describe('options that make no sense are refused while Nest builds the application, with whose they are, what they take and what they got', () => {
  it.each<[Unseen, string]>([
    [{ snapshotEvery: Number.NaN }, "'snapshotEvery' takes a whole number of at least 0, or Infinity, but got NaN"],
    [{ snapshotEvery: -1 }, "'snapshotEvery' takes a whole number of at least 0, or Infinity, but got -1"],
    [{ snapshotEvery: 1.5 }, "'snapshotEvery' takes a whole number of at least 0, or Infinity, but got 1.5"],
    [{ passivateAfterMs: -1 }, "'passivateAfterMs' takes a number of at least 1, or Infinity, but got -1"],
    [{ passivateAfterMs: '60000' }, "'passivateAfterMs' takes a number of at least 1, or Infinity, but got '60000'"],
    [{ revision: Number.NaN }, "'revision' takes a finite number or a string, but got NaN"],
    [{ revision: {} }, "'revision' takes a finite number or a string, but got an object"],
    [{ prefix: 7 }, "'prefix' takes a string, but got 7"],
    [{ ignores: 'added' }, "'ignores' takes a list of event names, but got 'added'"],
    [{ ignores: ['added', 7] }, "'ignores' takes a list of event names, but got ['added', 7]"],
  ])('@Actor(%p)', async (options, said) => {
    const error = await refusal(withActor(options));
    expect(error?.code).toBe('INVALID_OPTION');
    expect(error?.message).toBe(`Odd: @Actor(): the option ${said}`);
  });

  it('an empty name', async () => {
    const error = await refusal(withActor({ name: '' }));
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining("'name' takes a string") });
  });

  it.each<[Unseen, string]>([
    [{ onConflict: 'rerunn' }, "'onConflict' takes 'reapply', 'rerun' or 'reject', but got 'rerunn'"],
    [{ onConflict: null }, "'onConflict' takes 'reapply', 'rerun' or 'reject', but got null"],
    [{ args: 5 }, "'args' takes a list of schemas, but got 5"],
  ])('@Command(%p)', async (options, said) => {
    const error = await refusal(withActor({}, options));
    expect(error?.code).toBe('INVALID_OPTION');
    expect(error?.message).toBe(`Odd.go: @Command(): the option ${said}`);
  });

  it.each(Object.keys(DEFAULT_LIMITS))('forRoot({ %s })', async (name) => {
    for (const value of [Number.NaN, -1, '1000', null]) {
      const error = await refusal([root({ [name]: value })]);
      expect(error?.code).toBe('INVALID_OPTION');
      const said = `^EventSourcingModule\\.forRoot\\(\\): the option '${name}' takes a .*number .*, but got '?${value}'?$`;
      expect(error?.message).toMatch(new RegExp(said));
    }
  });

  it('a time that is longer than a timer can wait: it would wait for a millisecond', async () => {
    for (const name of ['heartbeatTimeoutMs', 'leaderTimeoutMs', 'shutdownTimeoutMs']) {
      for (const value of [2 ** 31, Number.POSITIVE_INFINITY]) {
        const error = await refusal([root({ [name]: value })]);
        expect(error).toMatchObject({ code: 'INVALID_OPTION' });
        expect(error?.message).toMatch(/ to 2147483647, but got /);
      }
    }
  });
});

it('options that do are taken: nothing, none, never and no limit', async () => {
  const all = { name: 'Even', prefix: '', revision: 'b', snapshotEvery: 0, ignores: [] };
  expect(await refusal(withActor({ ...all, passivateAfterMs: Number.POSITIVE_INFINITY }))).toBeUndefined();
  expect(await refusal(withActor({ snapshotEvery: undefined }, { onConflict: undefined }))).toBeUndefined();
  expect(await refusal(withActor({ revision: 0, passivateAfterMs: 0.5 + 1 }, { args: [] }))).toBeUndefined();
  const endless = { residentMax: Number.POSITIVE_INFINITY, commitTimeoutMs: Number.POSITIVE_INFINITY };
  expect(await refusal([root({ ...endless, snapshotEvery: 0, shutdownTimeoutMs: 0 })])).toBeUndefined();
});
