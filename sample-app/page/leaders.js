import { send } from './commands.js';
import { $, element, onClick } from './dom.js';
import { store } from './shown.js';

export function leadersPanel() {
  onClick('rebuild', (pressed) => send(pressed, 'POST', '/leaders/rebuild'));
}

export const showBoard = (leaders) => fill('board', leaders);

export function showTable({ leaders, progress }) {
  fill('table', leaders);
  store.lastPosition = progress.lastPosition;
  const { rebuilding, generation, position } = progress;
  $('progress').value = rebuilding
    ? rebuilding.share
    : progress.lastPosition === 0
      ? 1
      : position / progress.lastPosition;
  $('progress-text').textContent = rebuilding
    ? `edition ${rebuilding.generation}: ${Math.round(rebuilding.share * 100)} %`
    : `edition ${generation}, ${position} of ${progress.lastPosition} events`;
}

function fill(table, leaders) {
  const rows = leaders.map(({ player, won, lives }) => {
    const name = element('th', '', player);
    name.scope = 'row';
    return element('tr', '', name, element('td', '', won), element('td', '', lives));
  });
  $(table).tBodies[0].replaceChildren(...rows);
}
