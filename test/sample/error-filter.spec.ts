import { afterAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type ArgumentsHost, Logger } from '@nestjs/common';
import { EngineError, OmniscientError, ShuttingDownError } from 'omniscient-nest';
import { ErrorFilter } from '../../sample-app/common/error.filter.js';
import { GameError } from '../../sample-app/common/game-error.js';

describe("the sample application's error filter", () => {
  const error = jest.spyOn(Logger.prototype, 'error');
  const warn = jest.spyOn(Logger.prototype, 'warn');

  beforeEach(() => {
    for (const log of [error, warn]) log.mockReset().mockImplementation(() => {});
  });
  afterAll(() => {
    for (const log of [error, warn]) log.mockRestore();
  });

  /** The status and the body that are answered for an error. */
  function answerTo(thrown: GameError | OmniscientError): unknown[] {
    const answers: unknown[] = [];
    const status = (code: number) => ({ json: (body: object) => answers.push(code, body) });
    const getResponse = () => ({ headersSent: false, status });
    new ErrorFilter().catch(thrown, { switchToHttp: () => ({ getResponse }) } as unknown as ArgumentsHost);
    return answers;
  }

  it('says in one line, without a stack, what another process can do instead', () => {
    expect(answerTo(new ShuttingDownError())).toEqual([
      503,
      { statusCode: 503, code: 'SHUTTING_DOWN', message: expect.stringContaining('shutting down') },
    ]);
    expect(error).not.toHaveBeenCalled();
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/^SHUTTING_DOWN: .*$/)]]);
  });

  it('says with its stack what nobody expected', () => {
    const fault = new EngineError('ENGINE_FAULT', 'the engine is confused', { retryable: false });
    expect(answerTo(fault)[0]).toBe(500);
    expect(error.mock.calls).toEqual([['the engine is confused', fault.stack]]);
    expect(warn).not.toHaveBeenCalled();
  });

  it.each([
    [400, new OmniscientError('INVALID_AFTER', "'after' must be a whole number")],
    [409, new GameError('GAME_OVER', 'the game is over')],
  ])('logs nothing for a %d: that is for the client to know', (status, refused) => {
    expect(answerTo(refused)).toEqual([status, { statusCode: status, code: refused.code, message: refused.message }]);
    for (const log of [error, warn]) expect(log).not.toHaveBeenCalled();
  });
});
