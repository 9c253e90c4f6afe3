import { $, button, element } from './dom.js';

const EVENTS_SHOWN_MAX = 500;
/** How often, and for how long, it is looked what followed from a request. */
const LOOK_MS = 400;
const LOOKS_MAX = 40;

let followed;

/** Both lists scroll, so the keyboard must reach them. */
export function storyPanel() {
  for (const list of ['request', 'events']) $(list).tabIndex = 0;
}

/** The newest event shown; a stream that starts anew tells the whole story again. */
function lastVersion() {
  return Number($('events').firstElementChild?.dataset.version ?? 0);
}

/** The events of somebody else are about to come. */
export function forgetEvents(player) {
  $('events').replaceChildren();
  $('whose').textContent = player || 'nobody yet';
  $('no-events').textContent = player ? `Nothing has happened to ${player} yet.` : 'Choose a player above.';
  $('no-events').hidden = false;
}

export function showEvent(event) {
  if (event.version <= lastVersion() || !isTold(event)) return;
  $('no-events').hidden = true;
  const row = eventRow(event, `#${event.version}`);
  row.dataset.version = event.version;
  const why = button('why?', () => void showRequest(event.metadata.correlationId, 0));
  why.title = 'show everything that the same request caused';
  row.querySelector('.who').append(' ', why);
  $('events').prepend(row);
  while ($('events').childElementCount > EVENTS_SHOWN_MAX) $('events').lastElementChild.remove();
}

/** What one request caused is asked for again for a while: its consequences go on after it was answered. */
export async function showRequest(id, after) {
  followed = id;
  for (let looks = 0; looks < LOOKS_MAX && followed === id; looks += 1) {
    const response = await fetch(`/requests/${encodeURIComponent(id)}?after=${after}`).catch(() => undefined);
    if (followed !== id) return;
    if (response?.ok) fill(id, await response.json());
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function fill(id, events) {
  const told = events.filter(isTold);
  $('request-hint').textContent = told.length > 0 ? `Request ${id}` : `Request ${id}: nothing has followed from it yet`;
  const rows = $('request');
  if (rows.dataset.request === id && rows.childElementCount === told.length) return;
  rows.dataset.request = id;
  rows.replaceChildren(...told.map((event) => eventRow(event, event.streamId)));
}

/** The framework's own bookkeeping is left out, but not what it put aside. */
function isTold({ name }) {
  return !name.startsWith('$') || name === '$parked' || name === '$unparked';
}

function eventRow({ name, data, metadata }, place) {
  const time = new Date(metadata.at).toLocaleTimeString();
  const cells = {
    place,
    name,
    data: name.startsWith('$') ? '' : JSON.stringify(data),
    who: `${metadata.actor} on ${metadata.firedBy.nodeId}, ${time}`,
  };
  return element('li', '', ...Object.entries(cells).map(([className, text]) => element('span', className, text)));
}
