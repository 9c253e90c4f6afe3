import { path, send } from './commands.js';
import { $, onClick, onSubmit, say } from './dom.js';
import { isName, shown, withPlayer } from './shown.js';

/** The player, and the account that pays for him. */
export function playerPanel(show) {
  const onPress = (id, act) => onClick(id, (pressed) => withPlayer(pressed, (player) => act(player, pressed)));
  onSubmit('choose', (form, cause) => choose(form.get('player'), cause, show));
  onPress('add-life', (player, pressed) =>
    send(pressed, 'POST', path('players', player, 'lives'), { why: 'a present' }),
  );
  onPress('lose-life', (player, pressed) => send(pressed, 'POST', path('players', player, 'deaths'), { to: 'a wolf' }));
  onPress('exit', (player, pressed) => send(pressed, 'POST', path('players', player, 'exits'), { why: 'had enough' }));
  onSubmit('account', (form, cause) => withPlayer(cause, (player) => signUpOrLogIn(player, form, cause)));
}

export function showLives({ player, lives }) {
  if (player === shown.player) $('lives').textContent = lives;
}

function choose(player, cause, show) {
  if (!isName('choose', player)) return;
  say(cause, '');
  show({ player });
}

async function signUpOrLogIn(player, form, cause) {
  const signUp = form.get('action') === 'sign-up';
  const to = signUp ? path('users', player) : path('users', player, 'login');
  const done = await send(cause, 'POST', to, { password: form.get('password') });
  if (done) say(cause, signUp ? `welcome, ${player}` : `hello again, ${player}`, 'right');
}
