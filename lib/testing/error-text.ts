import { short } from './line-diff.js';

/** An error as its first line tells it. */
export function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return short(error);
  return `${'name' in error ? String(error.name) : error.constructor.name}: ${String(error.message)}`;
}
