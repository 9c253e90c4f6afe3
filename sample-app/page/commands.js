import { say } from './dom.js';
import { store } from './shown.js';

let hearOfRequest = () => {};

/** @param hear is told the id of each request that was made, and a position before it. */
export function onRequest(hear) {
  hearOfRequest = hear;
}

export const path = (...parts) => `/${parts.map(encodeURIComponent).join('/')}`;

/**
 * Sends a command. If it fails, that is said next to `cause`, the element that was pressed.
 *
 * @returns what the server answered, or nothing if it failed.
 */
export async function send(cause, method, to, body, headers = {}) {
  const options = { method, headers: { 'content-type': 'application/json', ...headers } };
  if (body) options.body = JSON.stringify(body);
  const before = store.lastPosition;
  try {
    const response = await fetch(to, options);
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error([answer.message].flat().join(', ') || response.statusText);
    hearOfRequest(response.headers.get('x-correlation-id'), before);
    say(cause, '');
    return answer;
  } catch (error) {
    say(cause, error instanceof TypeError ? 'the server cannot be reached' : error.message, 'wrong');
    return undefined;
  }
}
