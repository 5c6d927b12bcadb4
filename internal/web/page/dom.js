// dom.js makes elements. Text goes in as text nodes, never as markup: names of queues and
// processes are other people's.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return element;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// text and attr change the page only where something changed: a look a second is cheap then.
export function text(node, value) {
  value = String(value);
  if (node.textContent !== value) node.textContent = value;
}

export function attr(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

const kept = new WeakMap(); // of a parent, its rows by key

// keyed keeps one child of parent for each item, in their order. make returns an object with
// a node and an update.
export function keyed(parent, items, key, make) {
  if (!kept.has(parent)) kept.set(parent, new Map());
  const rows = kept.get(parent), here = new Set();
  let at = parent.firstChild;
  for (const item of items) {
    const id = key(item);
    here.add(id);
    let row = rows.get(id);
    if (!row) rows.set(id, row = make(item));
    row.update(item);
    if (row.node === at) at = at.nextSibling;
    else parent.insertBefore(row.node, at);
  }
  for (const [id, row] of rows) {
    if (!here.has(id)) {
      row.node.remove();
      rows.delete(id);
    }
  }
}

const ICONS = {
  alive: 'M6 2a4 4 0 1 0 .01 0z',
  asleep: 'M8.9 8.6A4.6 4.6 0 0 1 5 1.3a5 5 0 1 0 5.7 6.6 4.5 4.5 0 0 1-1.8.7z',
  stopped: 'M2.5 1.5h2.6v9H2.5zM6.9 1.5h2.6v9H6.9z',
  frozen: 'M5.3 0h1.4v3l1.6-1 .7 1.1-2.3 1.5v1l.9-.5.1-2.7 1.3.1v1.7l2.3-1.3.7 1.2-2.4 1.3 1.5.9-.7 1.1-2.3-1.3-.8.5.8.5 2.3-1.3.7 1.1-1.5.9 2.4 1.3-.7 1.2-2.3-1.3v1.7l-1.3.1-.1-2.7-.9-.5v1l2.3 1.5-.7 1.1-1.6-1V12H5.3V9.6l-1.6 1-.7-1.1L5.3 8V7l-.9.5-.1 2.7L3 10.1V8.400L.7 9.7 0 8.500l2.400-1.300L.9 6.300l.7-1.100 2.300 1.300.8-.5-.8-.5-2.300 1.300L.9 5.700l1.500-.9L0 3.500l.7-1.200L3 3.600V1.900l1.300-.1.1 2.700.9.5V4L3 2.500l.7-1.100 1.600 1z',
  dead: 'M2.600 1.200 6 4.600l3.400-3.400 1.400 1.400L7.400 6l3.400 3.400-1.400 1.400L6 7.400l-3.400 3.400-1.400-1.400L4.600 6 1.200 2.600z',
  kept: 'M3 1h6v10L6 8.500 3 11z',
  alert: 'M6 .8 11.600 11H.4zM5.300 4.300v3.200h1.400V4.300zm0 4.100v1.300h1.400V8.400z',
  ok: 'M1 6.300 2.300 5l2.300 2.300L9.700 2 11 3.300 4.600 9.900z',
};

export const icon = (name) => s('svg', { class: 'icon', viewBox: '0 0 12 12', 'aria-hidden': 'true' }, s('path', { d: ICONS[name] || ICONS.alert, 'fill-rule': 'evenodd' }));
// behind says how far a subscription is behind, and first whether the ring is full behind it.
export const behind = (e) => (e.lag_slots === undefined ? '' : (e.holds_up ? 'holds up: ' : '') + `${count(e.lag_slots)} behind`);

export const iconPath = (name) => ICONS[name] || ICONS.alert;

// chip shows a state as a shape, a word and a colour.
export function chip() {
  const node = h('span', { class: 'chip' });
  let shown;
  return {
    node,
    update(state, word) {
      if (shown === state + '|' + word) return;
      shown = state + '|' + word;
      attr(node, 'data-state', state);
      node.replaceChildren(icon(state), document.createTextNode(word));
      node.hidden = !word;
    },
  };
}

const UNITS = ['', 'k', 'M', 'G', 'T'];

// count shortens a number: 999, 12.3k, 4.56M.
export function count(n) {
  if (n === null || n === undefined || Number.isNaN(n)) return '–';
  if (n > 0 && n < 10 && !Number.isInteger(n)) return n.toFixed(1);
  let unit = 0;
  while (n >= 999.5 && unit < UNITS.length - 1) {
    n /= 1000;
    unit++;
  }
  return (unit === 0 || n >= 99.95 ? Math.round(n) : n >= 9.995 ? n.toFixed(1) : n.toFixed(2)) + UNITS[unit];
}

// exact is for numbers that people set, such as slots.
export const exact = (n) => (n < 100000 ? String(n) : count(n));
export const perSecond = (rates) => (rates ? count(rates.records) + '/s' : '–');
export const bytes = (n) => count(n) + 'B';
export const queueHref = (name) => '#/queue/' + encodeURIComponent(name);
export const processHref = (id) => '#/process/' + encodeURIComponent(id.slice('process:'.length));
