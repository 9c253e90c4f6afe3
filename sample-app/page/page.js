// What this page shows comes over server-sent events: a button only sends a command, and never changes what is shown.

import { onRequest, send } from './commands.js';
import { $ } from './dom.js';
import { gamePanel, showClock, showGame, showLivesInGame } from './game.js';
import { leadersPanel, showBoard, showTable } from './leaders.js';
import { forgetHealth, operatorPanel, showHealth, showParked } from './operator.js';
import { paymentsPanel, showPayment } from './payments.js';
import { playerPanel, showLives } from './player.js';
import { isName, shown } from './shown.js';
import { forgetEvents, showEvent, showRequest, storyPanel } from './story.js';

/** Browsers try again by themselves, except when the server answered with an error. */
const RECONNECT_MS = 2_000;
const FIRST_ROOM = 'forest';

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
let reconnecting;

/** Shows another player or room: one stream brings all that the window shows. */
function show(next) {
  if (next.player !== undefined && next.player !== shown.player) {
    forgetEvents(next.player);
    $('payments').replaceChildren();
    $('lives').textContent = '–';
  }
  if (next.game !== undefined && next.game !== shown.game) $('players').replaceChildren();
  Object.assign(shown, next);
  $('choose').elements.player.value = shown.player;
  $('username').value = shown.player;
  $('choose-game').elements.game.value = shown.game;
  // A reload shows the same; so does the address, given to somebody else.
  history.replaceState(null, '', `#${new URLSearchParams(shown)}`);
  $('second-window').href = location.href;
  connect();
}

function connect() {
  clearTimeout(reconnecting);
  source?.close();
  source = new EventSource(`/live?${new URLSearchParams(Object.entries(shown).filter(([, name]) => name))}`);
  for (const [type, handle] of Object.entries(MESSAGES))
    source.addEventListener(type, (message) => handle(JSON.parse(message.data)));
  source.addEventListener('open', showConnection);
  source.addEventListener('error', showConnection);
}

function showConnection() {
  const live = source.readyState === EventSource.OPEN;
  $('connection').className = live ? 'live' : 'offline';
  $('connection').textContent = live ? `live on ${location.host}` : 'offline, trying again …';
  document.body.classList.toggle('offline', !live);
  if (!live) forgetHealth();
  if (source.readyState === EventSource.CLOSED) reconnecting = setTimeout(connect, RECONNECT_MS);
}

/** What the address names. A name that is none is said where it would be typed, and left out. */
function showAddress() {
  const { player = '', game = FIRST_ROOM } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const names = { player: '', game: FIRST_ROOM };
  const isPlayer = player === '' || isName('choose', player, ' in the address');
  if (isPlayer) names.player = player;
  const isGame = game === '' || isName('choose-game', game, ' in the address');
  if (isGame) names.game = game || FIRST_ROOM;
  show(names);
  // What was wrong stays to be read, and to be mended.
  if (!isPlayer) $('choose').elements.player.value = player;
  if (!isGame) $('choose-game').elements.game.value = game;
}

/** Who comes for the first time is shown a player with a past, in a game that is running. */
async function welcome() {
  const demo = await send($('message'), 'POST', '/demo');
  if (demo) show(demo);
  else showAddress();
}

playerPanel(show);
paymentsPanel();
gamePanel(show);
leadersPanel();
operatorPanel();
storyPanel();
onRequest((id, before) => void showRequest(id, before));
addEventListener('hashchange', showAddress);

if (location.hash.length > 1) showAddress();
else void welcome();
