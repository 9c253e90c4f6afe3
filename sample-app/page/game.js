import { path, send } from './commands.js';
import { $, count, element, onClick, onSubmit } from './dom.js';
import { isName, shown, withPlayer } from './shown.js';

/** The room: who is in it, its clock, and how it ended. */
export function gamePanel(show) {
  onSubmit('choose-game', async (form, cause) => {
    const game = form.get('game');
    if (!isName('choose-game', game)) return;
    show({ game });
    await withPlayer(cause, (player) => send(cause, 'POST', path('games', game, 'players'), { player }));
  });
  onSubmit('start', (form, cause) =>
    send(cause, 'PUT', path('games', shown.game, 'start'), { seconds: Number(form.get('seconds')) }),
  );
  onClick('reopen', (pressed) => send(pressed, 'POST', path('games', shown.game, 'reopen')));
  onClick('leave', (pressed) =>
    withPlayer(pressed, (player) => send(pressed, 'DELETE', path('games', shown.game, 'players', player))),
  );
}

export function showGame({ players, fallen, respawns, startedAt, winners }) {
  $('game-state').textContent = winners ? endOf(winners) : courseOf({ players, respawns, startedAt });
  offer({ mayStart: !startedAt, mayReopen: Boolean(winners) });
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
  $('clock').hidden = !game;
}

function offer({ mayStart, mayReopen }) {
  const focused = document.activeElement;
  const start = $('start').querySelector('[type=submit]');
  $('seconds').hidden = !mayStart;
  start.hidden = !mayStart;
  $('reopen').hidden = !mayReopen;
  // Whoever pressed what is hidden now stays where they are.
  if (focused.closest('#start') && !focused.checkVisibility()) $('start').querySelector('button:not([hidden])').focus();
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
