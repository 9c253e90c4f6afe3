import { expect, it, jest } from '@jest/globals';

jest.unstable_mockModule('better-sqlite3', () => {
  throw Object.assign(new Error("Cannot find package 'better-sqlite3'"), { code: 'ERR_MODULE_NOT_FOUND' });
});
const { SqliteEngine } = await import('omniscient-nest/sqlite');

it('without the driver: DRIVER_MISSING, which says what to install; loading the engine alone does not need it', async () => {
  const opening = new SqliteEngine({ file: '/nowhere/events.db' }).open();
  await expect(opening).rejects.toMatchObject({ code: 'DRIVER_MISSING', retryable: false });
  await expect(opening).rejects.toThrow('npm install better-sqlite3');
});
