// What this page shows comes over server-sent events: a button only sends a command, and never changes what is shown.

import { onRequest } from './commands.js';
import { $ } from './dom.js';
import { gamePanel, showClock, showGame, showLivesInGame } from './game.js';
import { leadersPanel, showBoard, showTable } from './leaders.js';
import { operatorPanel, showHealth, showParked } from './operator.js';
import { paymentsPanel, showPayment } from './payments.js';
import { playerPanel, showLives } from './player.js';
import { shown } from './shown.js';
import { showEvent, showRequest } from './story.js';

/** Browsers try again by themselves, except when the server answered with an error. */
const RECONNECT_MS = 2_000;

/** What is done with each kind of message. */
const MESSAGES = {
  lives: (data) => {
    showLives(data);
    showLivesInGame(data);
  },
  event: showEvent,
  payment: showPayment,
  game: showGame,
  clock: showClock,
  board: showBoard,
  table: showTable,
  parked: showParked,
  health: showHealth,
};

let source;

/** Shows another player or room: one stream brings all that the window shows. */
function show(next) {
  if (next.player !== undefined && next.player !== shown.player) {
    $('events').replaceChildren();
    $('payments').replaceChildren();
  }
  if (next.game !== undefined && next.game !== shown.game) $('players').replaceChildren();
  Object.assign(shown, next);
  source?.close();
  source = new EventSource(`/live?${new URLSearchParams(Object.entries(shown).filter(([, name]) => name))}`);
  for (const [type, handle] of Object.entries(MESSAGES))
    source.addEventListener(type, (message) => handle(JSON.parse(message.data)));
  source.addEventListener('open', showConnection);
  source.addEventListener('error', showConnection);
  $('choose').elements.player.value = shown.player;
  $('choose-game').elements.game.value = shown.game || 'forest';
  $('whose').textContent = shown.player || 'nobody yet';
  // A reload shows the same; so does the address, given to somebody else.
  history.replaceState(null, '', `#${new URLSearchParams(shown)}`);
}

function showConnection() {
  const live = source.readyState === EventSource.OPEN;
  $('connection').className = live ? 'live' : 'offline';
  $('connection').textContent = live ? `live on ${location.host}` : 'offline, trying again …';
  if (source.readyState === EventSource.CLOSED) setTimeout(() => show({}), RECONNECT_MS);
}

playerPanel(show);
paymentsPanel();
gamePanel(show);
leadersPanel();
operatorPanel();
onRequest((id, before) => void showRequest(id, before));

const remembered = new URLSearchParams(location.hash.slice(1));
show({ player: remembered.get('player') ?? '', game: remembered.get('game') ?? '' });
