import { path, send } from './commands.js';
import { $, button, element } from './dom.js';

export function operatorPanel() {
  $('break-bank').addEventListener('change', ({ target }) => void send('PUT', '/bank', { isBroken: target.checked }));
}

export function showParked({ parked, isBankBroken }) {
  $('break-bank').checked = isBankBroken;
  $('parked-count').textContent = parked.length;
  $('parked-count').classList.toggle('wrong', parked.length > 0);
  $('parked').replaceChildren(...parked.map(parkedRow));
}

/** How the process does to which this window is connected. */
export function showHealth({ status, reason, nodes = [], engine, lag = {} }) {
  const behind = Object.values(lag).reduce((most, each) => Math.max(most, each), 0);
  const facts = {
    Health: reason ?? status,
    Processes: nodes.join(', '),
    Events: engine ? `in ${engine.name}, followers ${behind} behind` : '',
  };
  $('health').className = status;
  $('health').replaceChildren(
    ...Object.entries(facts).flatMap(([name, fact]) => [element('dt', '', name), element('dd', '', fact)]),
  );
}

function parkedRow({ id, listener, event, error, attempts }) {
  const retry = button('Retry', () => void send('POST', path('operator', 'parked', id, 'retry')));
  const discard = button('Discard', () => void send('DELETE', path('operator', 'parked', id)));
  const what = element(
    'span',
    '',
    element('b', '', listener),
    ` failed ${attempts} times on `,
    element('b', '', event.name),
  );
  return element('li', 'parked', what, element('span', 'faint', error.message), element('div', 'row', retry, discard));
}
