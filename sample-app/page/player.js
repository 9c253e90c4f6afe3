import { path, send } from './commands.js';
import { $, onSubmit, say } from './dom.js';
import { shown, withPlayer } from './shown.js';

/** The player, and the account that pays for him. */
export function playerPanel(show) {
  const onClick = (id, act) => $(id).addEventListener('click', () => void withPlayer(act));
  onSubmit('choose', (form) => show({ player: form.get('player') }));
  onClick('add-life', (player) => send('POST', path('players', player, 'lives'), { why: 'a present' }));
  onClick('lose-life', (player) => send('POST', path('players', player, 'deaths'), { to: 'a wolf' }));
  onClick('exit', (player) => send('POST', path('players', player, 'exits'), { why: 'had enough' }));
  onSubmit('account', (form) => withPlayer((player) => signUpOrLogIn(player, form)));
}

export function showLives({ player, lives }) {
  if (player === shown.player) $('lives').textContent = lives;
}

async function signUpOrLogIn(player, form) {
  const signUp = form.get('action') === 'sign-up';
  const to = signUp ? path('users', player) : path('users', player, 'login');
  const done = await send('POST', to, { password: form.get('password') });
  if (done) say(signUp ? `welcome, ${player}` : `hello again, ${player}`);
}
