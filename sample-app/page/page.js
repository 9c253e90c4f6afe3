// Everything on this page comes over server-sent events: a button only sends a command, and never changes what is shown.

const EVENTS_SHOWN_MAX = 500;
/** Browsers try again by themselves, except when the server answered with an error. */
const RECONNECT_MS = 2_000;

const $ = (id) => document.getElementById(id);
const shown = { player: '', game: '' };
let source;

/** Shows another player or room: one stream brings all that the window shows. */
function show(next) {
  if (next.player !== shown.player) $('events').replaceChildren();
  if (next.game !== shown.game) $('players').replaceChildren();
  Object.assign(shown, next);
  source?.close();
  source = new EventSource(`/live?${new URLSearchParams(Object.entries(shown).filter(([, name]) => name))}`);
  for (const [type, handle] of Object.entries({ lives: showLives, event: showEvent, game: showGame })) {
    source.addEventListener(type, (message) => handle(JSON.parse(message.data)));
  }
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

function showLives({ player, lives }) {
  if (player === shown.player) $('lives').textContent = lives;
  const row = [...$('players').children].find((candidate) => candidate.dataset.player === player);
  if (row) row.lastElementChild.textContent = lives === 1 ? '1 life' : `${lives} lives`;
}

/** Sends a command and says how it ended. */
async function send(method, path, body) {
  const options = { method, headers: { 'content-type': 'application/json' } };
  if (body) options.body = JSON.stringify(body);
  try {
    const response = await fetch(path, options);
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error([answer.message].flat().join(', ') || response.statusText);
    say('');
    return true;
  } catch (error) {
    say(error instanceof TypeError ? 'the server cannot be reached' : error.message, 'wrong');
    return false;
  }
}

function say(text, className = '') {
  $('message').textContent = text;
  $('message').className = className;
}

const path = (...parts) => `/${parts.map(encodeURIComponent).join('/')}`;

/** The newest event shown; a stream that starts anew tells the whole story again. */
function lastVersion() {
  return Number($('events').firstElementChild?.dataset.version ?? 0);
}

function showEvent({ version, name, data, metadata }) {
  if (version <= lastVersion()) return;
  const row = document.createElement('li');
  row.dataset.version = version;
  const time = new Date(metadata.at).toLocaleTimeString();
  const cells = {
    version: `#${version}`,
    name,
    data: JSON.stringify(data),
    who: `${metadata.actor} on ${metadata.firedBy.nodeId}, ${time}`,
  };
  for (const [className, text] of Object.entries(cells)) {
    const cell = document.createElement('span');
    cell.className = className;
    cell.textContent = text;
    row.append(cell);
  }
  $('events').prepend(row);
  while ($('events').childElementCount > EVENTS_SHOWN_MAX) $('events').lastElementChild.remove();
}

function showGame({ players, startedAt }) {
  const count = players.length === 1 ? 'one player' : `${players.length} players`;
  const since = startedAt ? `, started at ${new Date(startedAt).toLocaleTimeString()}` : ', not started';
  $('game-state').textContent = players.length === 0 ? 'nobody is here' : count + since;
  $('start').disabled = Boolean(startedAt);
  const rows = [...$('players').children];
  for (const row of rows) if (!players.includes(row.dataset.player)) row.remove();
  for (const player of players)
    if (!rows.some((row) => row.dataset.player === player)) $('players').append(playerRow(player));
}

function playerRow(player) {
  const row = document.createElement('li');
  row.dataset.player = player;
  const [name, lives] = [document.createElement('span'), document.createElement('span')];
  name.textContent = player;
  row.append(name, lives);
  return row;
}

function onSubmit(id, act) {
  $(id).addEventListener('submit', (event) => {
    event.preventDefault();
    void act(new FormData(event.target, event.submitter));
  });
}

function onClick(id, act) {
  $(id).addEventListener('click', () => {
    if (shown.player) void act();
    else say('choose a player first', 'wrong');
  });
}

onSubmit('choose', (form) => show({ player: form.get('player') }));
onSubmit('account', async (form) => {
  if (!shown.player) return say('choose a player first', 'wrong');
  const password = form.get('password');
  const signUp = form.get('action') === 'sign-up';
  const done = await send('POST', signUp ? path('users', shown.player) : path('users', shown.player, 'login'), {
    password,
  });
  if (done) say(signUp ? `welcome, ${shown.player}` : `hello again, ${shown.player}`);
});
onSubmit('pay', (form) => {
  if (!shown.player) return say('choose a player first', 'wrong');
  return send('POST', path('users', shown.player, 'payments'), { lives: Number(form.get('lives')) });
});
onClick('add-life', () => send('POST', path('players', shown.player, 'lives'), { why: 'a present' }));
onClick('lose-life', () => send('POST', path('players', shown.player, 'deaths'), { to: 'a wolf' }));
onSubmit('choose-game', async (form) => {
  show({ game: form.get('game') });
  if (shown.player) await send('POST', path('games', shown.game, 'players'), { player: shown.player });
});
onClick('leave', () => send('DELETE', path('games', shown.game || 'forest', 'players', shown.player)));
onClick('start', () => send('PUT', path('games', shown.game || 'forest', 'start')));

const remembered = new URLSearchParams(location.hash.slice(1));
show({ player: remembered.get('player') ?? '', game: remembered.get('game') ?? '' });
