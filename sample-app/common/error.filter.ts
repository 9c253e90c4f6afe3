import { type ArgumentsHost, Catch, type ExceptionFilter, HttpStatus, Logger } from '@nestjs/common';
import { OmniscientError } from 'omniscient-nest';
import { AccountError, GameError } from './game-error.js';

/** What is used of the server's response. */
interface Response {
  headersSent: boolean;
  status(status: number): { json(body: object): void };
}

const STATUS_OF_CODE: Readonly<Record<string, HttpStatus>> = {
  INVALID_AFTER: HttpStatus.BAD_REQUEST,
  INVALID_ID: HttpStatus.BAD_REQUEST,
  INVALID_KEY: HttpStatus.BAD_REQUEST,
  KEY_REUSED: HttpStatus.UNPROCESSABLE_ENTITY,
  PAYLOAD_NOT_JSON: HttpStatus.BAD_REQUEST,
  SCHEMA_MISMATCH: HttpStatus.BAD_REQUEST,
  NOT_PARKED: HttpStatus.NOT_FOUND,
  CONFLICT: HttpStatus.CONFLICT,
  COMMIT_TIMEOUT: HttpStatus.GATEWAY_TIMEOUT,
};

/** Turns the game's and the library's errors into answers: `{ statusCode, code, message }`. */
@Catch(GameError, OmniscientError)
export class ErrorFilter implements ExceptionFilter<GameError | OmniscientError> {
  readonly #logger = new Logger('ErrorFilter');

  catch(error: GameError | OmniscientError, host: ArgumentsHost): void {
    const statusCode = statusOf(error);
    this.log(error, statusCode);
    const response = host.switchToHttp().getResponse<Response>();
    if (!response.headersSent)
      response.status(statusCode).json({ statusCode, code: error.code, message: error.message });
  }

  private log(error: GameError | OmniscientError, statusCode: HttpStatus): void {
    // Not a fault of this program, and every request may get it for a while: during a shutdown, or while the store is away.
    if (statusCode === HttpStatus.SERVICE_UNAVAILABLE) this.#logger.warn(`${error.code}: ${oneLine(error.message)}`);
    else if (statusCode >= HttpStatus.INTERNAL_SERVER_ERROR) this.#logger.error(error.message, error.stack);
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}

function statusOf(error: GameError | OmniscientError): HttpStatus {
  if (error instanceof AccountError) return error.code === 'NAME_TAKEN' ? HttpStatus.CONFLICT : HttpStatus.FORBIDDEN;
  if (error instanceof GameError) return HttpStatus.CONFLICT;
  const known = STATUS_OF_CODE[error.code];
  if (known) return known;
  return error.retryable ? HttpStatus.SERVICE_UNAVAILABLE : HttpStatus.INTERNAL_SERVER_ERROR;
}
