export const $ = (id) => document.getElementById(id);

/** A new element; `content` is text, or elements. */
export function element(name, className, ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

export function button(text, act, className = 'quiet small') {
  const made = element('button', className, text);
  made.type = 'button';
  made.addEventListener('click', act);
  return made;
}

/** A link that opens a window of its own. */
export function link(text, href) {
  const made = element('a', '', text);
  Object.assign(made, { href, target: '_blank' });
  return made;
}

/** An empty place for messages. It must be there before it has something to say, or screen readers stay silent. */
export function messagePlace() {
  const made = element('p', 'message');
  made.role = 'status';
  return made;
}

/** Says something where it was caused: in the message place that is next to `cause`, on the way outwards. */
export function say(cause, text, className = '') {
  for (const message of document.querySelectorAll('.message')) if (!isStillWrong(message)) write(message, '', '');
  sayToo(cause, text, className);
}

/** The same, while what was said elsewhere stays. */
export function sayToo(cause, text, className = '') {
  write(placeNextTo(cause), text, className);
}

export function onSubmit(id, act) {
  $(id).addEventListener('submit', (event) => {
    event.preventDefault();
    void act(new FormData(event.target, event.submitter), event.target);
  });
}

/** @param act gets the button. */
export function onClick(id, act) {
  $(id).addEventListener('click', ({ currentTarget }) => void act(currentTarget));
}

export const count = (n, one, many = `${one}s`) => (n === 1 ? `1 ${one}` : `${n} ${many}`);

/** What is said about a field that is still wrong has to stay. */
function isStillWrong(message) {
  return message.previousElementSibling?.querySelector('[aria-invalid="true"]') != null;
}

function write(message, text, className) {
  if (message.textContent !== text) message.textContent = text;
  message.className = `message ${className}`.trim();
}

function placeNextTo(cause) {
  for (let around = cause; around; around = around.parentElement) {
    const inside = around.querySelector('.message');
    if (inside) return inside;
    if (around.nextElementSibling?.classList.contains('message')) return around.nextElementSibling;
  }
  return $('message');
}
