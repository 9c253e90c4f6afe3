import { path, send } from './commands.js';
import { $, count, element, onSubmit } from './dom.js';
import { shown, withPlayer } from './shown.js';

/** The room: who is in it, its clock, and how it ended. */
export function gamePanel(show) {
  const room = () => shown.game || 'forest';
  onSubmit('choose-game', async (form) => {
    show({ game: form.get('game') });
    if (shown.player) await send('POST', path('games', shown.game, 'players'), { player: shown.player });
  });
  onSubmit('start', (form) => send('PUT', path('games', room(), 'start'), { seconds: Number(form.get('seconds')) }));
  $('leave').addEventListener(
    'click',
    () => void withPlayer((player) => send('DELETE', path('games', room(), 'players', player))),
  );
}

export function showGame({ players, fallen, respawns, startedAt, winners }) {
  $('game-state').textContent = winners ? endOf(winners) : courseOf({ players, respawns, startedAt });
  $('start').querySelector('[type=submit]').disabled = Boolean(startedAt);
  const everybody = [...players, ...fallen.filter((player) => !players.includes(player))];
  const rows = [...$('players').children];
  for (const row of rows) if (!everybody.includes(row.dataset.player)) row.remove();
  for (const player of everybody) {
    const row = rows.find((candidate) => candidate.dataset.player === player) ?? newRow(player);
    row.className = fallen.includes(player) ? 'fallen' : '';
    if (row.className) row.lastElementChild.textContent = 'fallen';
  }
}

export function showLivesInGame({ player, lives }) {
  const row = [...$('players').children].find((candidate) => candidate.dataset.player === player);
  if (row && row.className === '') row.lastElementChild.textContent = count(lives, 'life', 'lives');
}

export function showClock({ game, secondsLeft }) {
  const [minutes, seconds] = [Math.floor(secondsLeft / 60), String(secondsLeft % 60).padStart(2, '0')];
  $('clock').textContent = game ? `${minutes}:${seconds}` : '';
}

function courseOf({ players, respawns, startedAt }) {
  if (players.length === 0 && !startedAt) return 'nobody is here';
  const since = startedAt ? `, started at ${new Date(startedAt).toLocaleTimeString()}` : ', not started';
  const back = respawns > 0 ? `, ${count(respawns, 'respawn')}` : '';
  return (players.length === 1 ? 'one player' : `${players.length} players`) + since + back;
}

function endOf(winners) {
  return winners.length === 0 ? 'the game is over, nobody survived' : `the game is over: won by ${winners.join(', ')}`;
}

function newRow(player) {
  const row = element('li', '', element('span', '', player), element('span'));
  row.dataset.player = player;
  $('players').append(row);
  return row;
}
