import { expect, it, jest } from '@jest/globals';
import { Test } from '@nestjs/testing';

jest.unstable_mockModule('@opentelemetry/api', () => {
  throw Object.assign(new Error("Cannot find package '@opentelemetry/api'"), { code: 'ERR_MODULE_NOT_FOUND' });
});
const { EventSourcingModule, getActorToken } = await import('omniscient-nest');
const { MemoryEngine } = await import('omniscient-nest/memory');
const { Counter } = await import('../../support/actors.js');

const starting = async (telemetry?: boolean) => {
  const options = { engine: new MemoryEngine(), ...(telemetry !== undefined && { telemetry }) };
  const imports = [EventSourcingModule.forRoot(options), EventSourcingModule.forFeature([Counter])];
  return (await Test.createTestingModule({ imports }).compile()).init();
};

it.each([undefined, false])(
  'without the package everything runs that does not ask for it (telemetry: %s)',
  async (telemetry) => {
    const app = await starting(telemetry);
    const counter = await app.get(getActorToken(Counter)).get('a');
    expect(await counter.add(2)).toBe(2);
    await app.close();
  },
);

it('without the package, who asks for it is told what to install: TELEMETRY_MISSING', async () => {
  await expect(starting(true)).rejects.toMatchObject({ code: 'TELEMETRY_MISSING', retryable: false });
  await expect(starting(true)).rejects.toThrow('npm install @opentelemetry/api');
});
