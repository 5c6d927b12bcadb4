// app.js shows the view that the address names, and keys go through it.
import { attr, text } from './dom.js';
import { lookAt, model, onChange } from './model.js';
import { allView, mapView, processView, queueView } from './views.js';

const main = document.getElementById('main');
let view, asked = false, alerts = -1, first = true;

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // an address that somebody typed
  }
}

function route() {
  const [, kind, ...rest] = location.hash.split('/');
  const what = decode(rest.join('/'));
  view = kind === 'queue' ? queueView(what) : kind === 'process' ? processView(what) : kind === 'map' ? mapView() : allView();
  document.title = `${view.title} · shmq`;
  for (const a of document.querySelectorAll('nav a')) attr(a, 'aria-current', a.dataset.view === (kind === 'map' ? 'map' : kind ? '' : 'all') ? 'page' : null);
  lookAt(view.closer || '');
  if (model.ready) show();
  scrollTo(0, 0);
  if (!first) (view.node.querySelector('h1') || main).focus({ preventScroll: true });
  first = false;
}

const LINKS = { live: 'live', wait: 'connecting', lost: 'reconnecting', ended: 'the server ended' };

function show() {
  asked = false;
  const link = document.getElementById('link');
  attr(link, 'data-state', model.link);
  text(document.getElementById('link-text'), LINKS[model.link] + (model.link === 'live' ? ' ' + new Date(model.time).toLocaleTimeString([], { hour12: false }) : ''));
  text(document.getElementById('place'), model.place);
  if (!model.ready) return;
  if (main.firstChild !== view.node) main.replaceChildren(view.node);
  view.update();
  const now = [...model.queues.values()].filter((q) => q.alert).length;
  if (now !== alerts && alerts >= 0) text(document.getElementById('said'), now ? `${now} of ${model.queues.size} queues need attention` : 'nothing needs attention any more');
  alerts = now;
}

function later() {
  if (!asked) requestAnimationFrame(show);
  asked = true;
}

// Keys: / filters, up and down (j, k) go through the queues, Escape goes back.
addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const typing = e.target.matches('input, select, textarea');
  const rows = [...document.querySelectorAll('.row-link')];
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[e.key];
  if (e.key === '/' && !typing && view.focus) view.focus.focus();
  else if (e.key === 'Escape' && location.hash.length > 2 && !typing) location.hash = '#/';
  else if (e.key === 'Escape' && typing) e.target.blur();
  else if (step && rows.length && (!typing || e.target.type === 'search' && e.key.length > 1)) {
    const at = rows.indexOf(document.activeElement);
    if (at < 0 && !typing && e.key.length > 1) return; // the arrows scroll until a queue is chosen
    rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))].focus();
  } else return;
  e.preventDefault();
});

document.querySelector('.skip').addEventListener('click', (e) => {
  e.preventDefault();
  main.focus();
});
addEventListener('hashchange', route);
addEventListener('resize', later);
onChange(later);
route();
