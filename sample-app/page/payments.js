import { path, send } from './commands.js';
import { $, count, element, onSubmit } from './dom.js';
import { withPlayer } from './shown.js';

const WORDS = {
  new: 'not yet opened',
  asking: 'asking the bank …',
  paid: 'paid',
  declined: 'declined',
  refunding: 'no answer: getting the money back …',
  refunded: 'no answer in time: refunded',
};

export function paymentsPanel() {
  onSubmit('pay', (form, cause) =>
    withPlayer(cause, (player) => {
      const body = { lives: Number(form.get('lives')), card: form.get('card') };
      // However often the network sends this again, it is one payment.
      const key = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join('-');
      return send(cause, 'POST', path('users', player, 'payments'), body, { 'idempotency-key': key });
    }),
  );
  for (const jump of document.querySelectorAll('[data-jump]'))
    jump.addEventListener('click', (event) => {
      event.preventDefault();
      $(jump.dataset.jump).focus();
    });
}

/** One payment as it is now: a new one goes on top. */
export function showPayment({ payment, status, lives, amountCents, failures }) {
  const rows = $('payments');
  let row = [...rows.children].find((candidate) => candidate.dataset.payment === payment);
  if (!row) {
    row = element('li');
    row.dataset.payment = payment;
    rows.prepend(row);
  }
  row.dataset.status = status;
  const what =
    status === 'new' ? 'a payment' : `${count(lives, 'life', 'lives')} for ${(amountCents / 100).toFixed(2)}`;
  const tries = failures > 0 ? ` (bank down ${count(failures, 'time')})` : '';
  row.replaceChildren(element('span', '', what), element('span', 'status', WORDS[status] + tries));
}
