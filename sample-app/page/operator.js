import { path, send } from './commands.js';
import { $, button, count, element, link, messagePlace } from './dom.js';

export function operatorPanel() {
  $('break-bank').addEventListener(
    'change',
    ({ target }) => void send(target, 'PUT', '/bank', { isBroken: target.checked }),
  );
}

/** Rows stay the same elements as long as they are there: so a button keeps the focus, and a message its place. */
export function showParked({ parked, isBankBroken }) {
  $('break-bank').checked = isBankBroken;
  $('parked-count').textContent = parked.length;
  $('parked-count').classList.toggle('wrong', parked.length > 0);
  const rows = new Map([...$('parked').children].map((row) => [row.dataset.parked, row]));
  for (const { id, ...facts } of parked) {
    const row = rows.get(id) ?? newRow(id);
    rows.delete(id);
    row.firstElementChild.replaceChildren(...whatFailed(facts));
    row.children[1].textContent = facts.error.message;
  }
  for (const row of rows.values()) row.remove();
}

/** How the process does to which this window is connected. */
export function showHealth({ status, reason, nodes = [], engine, lag = {} }) {
  const behind = Object.values(lag).reduce((most, each) => Math.max(most, each), 0);
  setHealth(status, reason ?? status);
  $('engine').textContent = engine ? `in ${engine.name}, followers ${behind} behind` : '';
  if ($('processes').textContent === nodes.join(', ')) return;
  $('processes').replaceChildren(...nodes.flatMap((node) => [', ', ownPageOf(node)]).slice(1));
}

/** What was true when the connection broke may be true no more. */
export function forgetHealth() {
  setHealth('unknown', 'unknown: this window is offline');
}

function setHealth(status, text) {
  $('health').className = status;
  $('health-status').textContent = text;
}

/** Processes on one machine are named after their ports. */
function ownPageOf(node) {
  const port = /^node-(\d+)$/.exec(node)?.[1];
  if (!port || port === location.port) return node;
  const made = link(node, '');
  const lead = () => (made.href = `${location.protocol}//${location.hostname}:${port}/${location.hash}`);
  lead();
  // The window may show another player by the time it is followed.
  for (const type of ['pointerdown', 'focus']) made.addEventListener(type, lead);
  return made;
}

function whatFailed({ listener, event, attempts }) {
  return [element('b', '', listener), ` failed ${count(attempts, 'time')} on `, element('b', '', event.name)];
}

function newRow(id) {
  const retry = button('Retry', () => void send(retry, 'POST', path('operator', 'parked', id, 'retry')));
  const discard = button('Discard', () => void send(discard, 'DELETE', path('operator', 'parked', id)));
  const row = element(
    'li',
    'parked',
    element('span'),
    element('span', 'faint'),
    element('div', 'row', retry, discard),
    messagePlace(),
  );
  row.dataset.parked = id;
  $('parked').append(row);
  return row;
}
