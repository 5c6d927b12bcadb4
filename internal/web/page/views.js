// views.js has what is shown: all queues, the map, one queue, one process. Each view is an
// object with a node, a title and an update.
import { attr, behind, bytes, chip, count, exact, h, icon, keyed, perSecond, processHref, queueHref, text } from './dom.js';
import { chart, spark } from './chart.js';
import { edgesOf, model, series } from './model.js';
import { mapOf } from './map.js';

const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
const rateOf = (q) => (q.sent ? q.sent.records : 0) + (q.received ? q.received.records : 0);
const plural = (n, what) => `${n} ${what}${n === 1 ? '' : 's'}`;

const ORDERS = {
  name: byName,
  'needs attention': (a, b) => b.alert - a.alert || byName(a, b),
  rate: (a, b) => rateOf(b) - rateOf(a) || byName(a, b),
  records: (a, b) => (b.records || 0) - (a.records || 0) || byName(a, b),
};

function stat(label, wide) {
  const value = h('span'), small = h('small');
  return { node: h('div', { class: wide ? 'stat wide' : 'stat' }, h('dt', {}, label), h('dd', {}, value, small)), update(v, more) { text(value, v); text(small, more || ''); } };
}

function stats(labels) {
  const all = labels.map((l) => stat(l));
  return { node: h('dl', { class: 'stats' }, all.map((a) => a.node)), update(...values) { values.forEach(([v, more], i) => all[i].update(v, more)); } };
}

const SHOWN = 6; // warnings at first

// warnings says what needs attention, or that nothing does.
function warnings(quiet) {
  const list = h('ul'), calm = h('p', { class: 'calm' }, icon('ok'), quiet);
  let all = false, last = [[], false];
  const more = h('button', { type: 'button', onclick: () => { all = !all; self.update(...last); } });
  const node = h('section', { class: 'warnings', 'aria-label': 'Warnings' }, list, more, calm);
  const self = {
    node,
    update(queues, named) {
      last = [queues, named];
      const lines = queues.flatMap((q) => (q.error ? [q.error] : q.warnings).map((line, i) => ({ id: `${q.id}\n${i}`, name: q.name, line })));
      keyed(list, all ? lines : lines.slice(0, SHOWN), (l) => l.id, (l) => {
        const words = h('span');
        return {
          node: h('li', {}, icon('alert'), h('span', {}, named ? [h('a', { href: queueHref(l.name) }, l.name), ' '] : null, words)),
          update(now) { text(words, now.line); },
        };
      });
      list.hidden = !lines.length;
      more.hidden = lines.length <= SHOWN;
      attr(more, 'aria-expanded', String(all));
      text(more, all ? 'Show fewer' : `Show all ${lines.length}`);
      calm.hidden = lines.length > 0;
      attr(node, 'data-calm', lines.length ? null : 'yes');
    },
  };
  return self;
}

function queueRow(q) {
  const link = h('a', { href: queueHref(q.name), class: 'row-link' }, q.name), state = chip(), graph = spark();
  const cell = (name) => {
    const value = h('span');
    return [h('span', { class: 'cell ' + name.replace(/\W/g, '') }, h('small', {}, name), value), value];
  };
  const [depth, depthText] = cell('depth'), [records, recordsText] = cell('records'), [sent, sentText] = cell('in'), [received, receivedText] = cell('out'), [who, whoText] = cell('processes');
  const meter = h('i');
  const bar = h('span', { class: 'meter', 'aria-hidden': 'true' }, meter);
  depth.append(bar);
  return {
    node: h('li', { class: 'queue-row' }, h('span', { class: 'title' }, link, state.node), h('span', { class: 'trend' }, graph.node), depth, records, sent, received, who),
    update(q) {
      state.update(q.alert ? 'alert' : 'alive', q.error ? 'error' : q.state);
      text(depthText, q.error ? '–' : `${exact(q.depth)} of ${exact(q.slots)}`);
      text(recordsText, q.error ? '–' : count(q.records));
      text(sentText, perSecond(q.sent));
      text(receivedText, perSecond(q.received));
      text(whoText, q.error ? '–' : `${q.producers} → ${q.consumers}`);
      meter.style.width = q.slots ? Math.min(100, 100 * q.depth / q.slots) + '%' : '0';
      attr(meter, 'data-full', q.slots && q.depth / q.slots > 0.9 ? 'yes' : null);
      const past = series(q.id, 'depth');
      graph.update(past, Math.max(q.slots / 8, ...past.values.map((v) => v || 0)));
    },
  };
}

export function allView() {
  const top = stats(['Queues', 'In', 'Out', 'Records in them', 'Processes']);
  const warned = warnings('Nothing needs attention');
  const map = mapOf('Map of processes and queues');
  const mapPanel = h('section', { class: 'panel', 'aria-labelledby': 'map-title' }, h('div', { class: 'bar' }, h('h2', { id: 'map-title' }, 'Map'), h('a', { href: '#/map' }, 'Open the whole map')), map.node);
  const list = h('ol', { class: 'queues' }), none = h('p', { class: 'empty' });
  let filter = '', order = 'needs attention';
  const input = h('input', { type: 'search', placeholder: 'Filter  /', 'aria-label': 'Filter queues by name', autocomplete: 'off', spellcheck: 'false', oninput: () => { filter = input.value.toLowerCase(); view.update(); } });
  const choose = h('select', { 'aria-label': 'Order of the queues', onchange: () => { order = choose.value; view.update(); } }, Object.keys(ORDERS).map((o) => h('option', { selected: o === order }, o)));
  const listPanel = h('section', { class: 'panel', 'aria-labelledby': 'list-title' }, h('div', { class: 'bar' }, h('h2', { id: 'list-title' }, 'Queues'), input, choose), list, none);
  const view = {
    title: 'All queues', focus: input,
    node: h('div', { class: 'view' }, h('h1', { class: 'hidden', tabindex: '-1' }, 'All queues'), top.node, warned.node, mapPanel, listPanel),
    update() {
      const queues = [...model.queues.values()];
      const sum = (f) => queues.reduce((n, q) => n + (f(q) || 0), 0);
      const alerts = queues.filter((q) => q.alert).length, halted = [...model.processes.values()].filter((p) => ['stopped', 'frozen', 'dead'].includes(p.state)).length;
      const known = queues.some((q) => q.sent);
      top.update([queues.length, alerts ? `${alerts} to look at` : ''], known ? [count(sum((q) => q.sent && q.sent.records)) + '/s', bytes(sum((q) => q.sent && q.sent.bytes)) + '/s'] : ['–'],
        known ? [count(sum((q) => q.received && q.received.records)) + '/s', bytes(sum((q) => q.received && q.received.bytes)) + '/s'] : ['–'], [count(sum((q) => q.records))], [[...model.processes.values()].filter((p) => p.pid).length, halted ? `${halted} halted or dead` : '']);
      warned.update(queues.sort(byName), true);
      map.update(model, null, (q) => q.alert);
      const shown = queues.filter((q) => q.name.toLowerCase().includes(filter)).sort(ORDERS[order]);
      keyed(list, shown, (q) => q.id, queueRow);
      none.hidden = shown.length > 0;
      text(none, model.error || (queues.length ? 'No queue has that in its name.' : 'There is no queue yet. Try: seq 1000 | shmq send q'));
    },
  };
  return view;
}

export function mapView() {
  const map = mapOf('Map of processes and queues');
  const key = ['alive', 'asleep', 'stopped', 'frozen', 'dead', 'kept'].map((state) => {
    const c = chip();
    c.update(state, state);
    return c.node;
  });
  return {
    title: 'Map',
    node: h('div', { class: 'view' }, h('div', { class: 'bar' }, h('h1', { tabindex: '-1' }, 'Map'), h('span', { class: 'key-row' }, key)), h('section', { class: 'panel whole' }, map.node)),
    update() { map.update(model, null, (q) => q.alert); },
  };
}

// edgeTable is what processes do with queues; self is the side that the view is of.
function edgeTable(self) {
  const other = self === 'queue' ? 'Process' : 'Queue';
  const body = h('tbody'), none = h('p', { class: 'empty' });
  const heads = ['Role', other, 'State', 'Rate', 'Behind', 'In all', 'Holds', 'Seats'];
  const node = h('section', { class: 'panel', 'aria-label': 'Participants' }, h('div', { class: 'bar' }, h('h2', {}, 'Participants')),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Participants, scrolls' }, h('table', {}, h('thead', {}, h('tr', {}, heads.map((t) => h('th', { scope: 'col' }, t)))), body)), none);
  return {
    node,
    update(edges) {
      edges.sort((a, b) => (a.kind < b.kind ? 1 : a.kind > b.kind ? -1 : a.id < b.id ? -1 : 1));
      keyed(body, edges, (e) => e.id, (e) => {
        const cells = heads.map((t) => h('td', { 'data-label': t })), state = chip(), link = h('a');
        cells[1].append(link);
        cells[2].append(state.node);
        return {
          node: h('tr', {}, cells),
          update(e) {
            const p = model.processes.get(e.process), q = model.queues.get(e.queue);
            text(cells[0], { sends: 'producer', receives: 'consumer' }[e.kind] || e.kind);
            text(link, self === 'queue' ? (p ? (p.pid ? `${p.command} ${p.pid}` : p.command) : e.process) : (q ? q.name : e.queue));
            attr(link, 'href', self === 'queue' ? processHref(e.process) : queueHref(q ? q.name : ''));
            state.update(e.state, e.state);
            text(cells[3], perSecond(e.rates));
            text(cells[4], behind(e) || '–');
            attr(cells[4], 'data-holds', e.holds_up ? 'yes' : null);
            text(cells[5], `${count(e.records)}, ${bytes(e.bytes)}`);
            text(cells[6], e.holds || '–');
            text(cells[7], e.seats.join(', '));
          },
        };
      });
      none.hidden = edges.length > 0;
      text(none, 'No process is attached.');
    },
  };
}

function heading(kind) {
  const title = h('h1', { tabindex: '-1' }), state = chip(), small = h('p', { class: 'sub' });
  return {
    node: h('div', { class: 'head' }, h('a', { class: 'back', href: '#/' }, '← All queues'), h('div', {}, h('span', { class: 'kind' }, kind), title, state.node), small),
    update(name, s, word, more) { text(title, name); state.update(s, word); text(small, more); },
  };
}

export function queueView(name) {
  const id = 'queue:' + name, head = heading('queue'), gone = h('p', { class: 'empty' });
  const top = stats(['In', 'Out', 'Records in it', 'Depth', 'Processes']);
  const warned = warnings('Nothing needs attention'), depth = chart('Depth', ['slots']), rates = chart('Rates', ['in', 'out']);
  const map = mapOf(`Map of queue ${name}`), table = edgeTable('queue');
  const rest = h('div', { class: 'rest' }, top.node, warned.node, h('div', { class: 'charts' }, depth.node, rates.node), h('section', { class: 'panel', 'aria-label': 'Map' }, map.node), table.node);
  return {
    title: name, closer: name, node: h('div', { class: 'view' }, head.node, gone, rest),
    update() {
      const q = model.queues.get(id);
      rest.hidden = !q || Boolean(q.error);
      gone.hidden = !rest.hidden;
      head.update(name, q && q.alert ? 'alert' : 'alive', q ? (q.error ? 'error' : q.state) : 'gone', q && !q.error ? `${exact(q.slots)} slots` : '');
      if (rest.hidden) return text(gone, q ? q.error : 'There is no queue of that name now.');
      top.update([perSecond(q.sent), q.sent ? bytes(q.sent.bytes) + '/s' : ''], [perSecond(q.received), q.received ? bytes(q.received.bytes) + '/s' : ''], [count(q.records)],
        [exact(q.depth), `${Math.round(100 * q.depth / Math.max(1, q.slots))} % of ${exact(q.slots)} slots`], [`${q.producers} → ${q.consumers}`, 'producers, consumers']);
      warned.update([q], false);
      depth.update([series(id, 'depth')], q.slots, '');
      rates.update([series(id, 'sent'), series(id, 'received')], 0, '/s');
      map.update(model, (e) => e.queue === id, (o) => o.id === id);
      table.update(edgesOf(id));
    },
  };
}

export function processView(rest) {
  const id = 'process:' + rest, head = heading('process'), gone = h('p', { class: 'empty' });
  const map = mapOf('Map of the process'), table = edgeTable('process'), warned = warnings('Nothing needs attention in its queues');
  const body = h('div', { class: 'rest' }, warned.node, h('section', { class: 'panel', 'aria-label': 'Map' }, map.node), table.node);
  return {
    title: 'process ' + rest.split(':')[0], node: h('div', { class: 'view' }, head.node, gone, body),
    update() {
      const p = model.processes.get(id), edges = edgesOf(id), own = new Set(edges.map((e) => e.queue));
      body.hidden = !p;
      gone.hidden = Boolean(p);
      head.update(p ? p.command : rest.split(':')[0], p ? p.state : 'dead', p ? p.state : 'gone', p ? (p.pid ? `pid ${p.pid}, uid ${p.uid}, ${plural(own.size, 'queue')}` : 'a durable subscription that no process has') : '');
      if (!p) return text(gone, 'This process has no seat in a queue now: it left, or it died and was recovered.');
      warned.update([...own].map((q) => model.queues.get(q)).filter(Boolean), true);
      map.update(model, (e) => own.has(e.queue));
      table.update(edges);
    },
  };
}
