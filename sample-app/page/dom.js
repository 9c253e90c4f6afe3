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

export function say(text, className = '') {
  $('message').textContent = text;
  $('message').className = className;
}

export function onSubmit(id, act) {
  $(id).addEventListener('submit', (event) => {
    event.preventDefault();
    void act(new FormData(event.target, event.submitter));
  });
}

export const count = (n, one, many = `${one}s`) => (n === 1 ? `1 ${one}` : `${n} ${many}`);
