import { isError, messageOf, nameOf, propertyOf } from '../../kernel/values/index.js';
import { short } from './line-diff.js';

/** Returns an error as its first line shows it. */
export function errorText(error: unknown): string {
  const hasMessage = isError(error) || propertyOf(error, 'message') !== undefined;
  if (hasMessage) return `${nameOf(error)}: ${messageOf(error)}`;
  try {
    return short(error);
  } catch {
    return messageOf(error);
  }
}
