// map.js draws processes and queues as a graph: records go from left to right.
import { attr, behind, count, h, iconPath, keyed, perSecond, processHref, queueHref, s, text } from './dom.js';

const HEIGHT = 50, PITCH = 70, MOVING = 80; // more arrows than that stand still

// layers puts nodes into columns, each right of those that send to it. A circle is cut
// where it was entered.
function layers(nodes, edges) {
  const next = new Map(nodes.map((n) => [n.id, []]));
  for (const e of edges) next.get(e.from).push(e.to);
  const into = new Set(edges.map((e) => e.to));
  const state = new Map(), order = [], forward = [];
  const visit = (start) => {
    const stack = [[start, 0]];
    state.set(start, 1);
    while (stack.length) {
      const top = stack.at(-1), id = top[0], to = next.get(id)[top[1]++];
      if (to === undefined) {
        stack.pop();
        state.set(id, 2);
        order.push(id);
      } else if (state.get(to) !== 1) {
        forward.push([id, to]);
        if (!state.has(to)) {
          state.set(to, 1);
          stack.push([to, 0]);
        }
      }
    }
  };
  for (const n of nodes) if (!into.has(n.id)) visit(n.id);
  for (const n of nodes) if (!state.has(n.id)) visit(n.id);
  const at = new Map(nodes.map((n) => [n.id, n.queue && !into.has(n.id) ? 1 : 0]));
  const outs = new Map();
  for (const [a, b] of forward) outs.set(a, (outs.get(a) || []).concat(b));
  for (const id of order.reverse()) for (const to of outs.get(id) || []) at.set(to, Math.max(at.get(to), at.get(id) + 1));
  const first = Math.min(...at.values());
  const columns = [];
  for (const n of nodes) (columns[at.get(n.id) - first] ||= []).push(n);
  return columns.filter(Boolean);
}

// untangle orders each column by where its neighbours are.
function untangle(columns, edges) {
  const near = new Map();
  for (const e of edges) {
    near.set(e.from, (near.get(e.from) || []).concat(e.to));
    near.set(e.to, (near.get(e.to) || []).concat(e.from));
  }
  const y = new Map();
  const place = (column) => column.forEach((n, i) => y.set(n.id, i - (column.length - 1) / 2));
  columns.forEach(place);
  for (let sweep = 0; sweep < 6; sweep++) {
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      const weight = new Map(column.map((n) => {
        const at = (near.get(n.id) || []).map((id) => y.get(id));
        return [n.id, at.length ? at.reduce((a, b) => a + b, 0) / at.length : y.get(n.id)];
      }));
      column.sort((a, b) => weight.get(a.id) - weight.get(b.id) || y.get(a.id) - y.get(b.id));
      place(column);
    }
  }
}

// rowsOf gives each node a row, near those of its neighbours that have theirs: the longest column
// first, then those beside it.
function rowsOf(columns, edges, rows) {
  const row = new Map(), all = [];
  const longest = columns.findIndex((c) => c.length === rows);
  const order = columns.map((_, i) => i).sort((a, b) => Math.abs(a - longest) - Math.abs(b - longest));
  for (const i of order) {
    const column = columns[i];
    const want = column.map((n, j) => {
      const near = edges.map((e) => (e.from === n.id ? row.get(e.to) : e.to === n.id ? row.get(e.from) : undefined)).filter((r) => r !== undefined);
      return near.length ? near.reduce((a, b) => a + b, 0) / near.length : (rows - column.length) / 2 + j;
    });
    const ys = [];
    want.forEach((w, j) => ys.push(Math.max(w, j ? ys[j - 1] + 1 : 0)));
    for (let j = ys.length - 1, end = rows - 1; j >= 0; j--, end = ys[j + 1] - 1) ys[j] = Math.min(ys[j], end);
    column.forEach((n, j) => row.set(n.id, ys[j]));
    all[i] = ys;
  }
  return all;
}

const short = (name, n) => (name.length > n ? name.slice(0, n - 1) + '…' : name);

// mapOf returns a map that shows those queues and processes that a filter picks, and the edges
// between them. Queues without a process are left out unless bare says otherwise.
export function mapOf(label) {
  const edgeLayer = s('g'), labelLayer = s('g', { 'aria-hidden': 'true' }), nodeLayer = s('g');
  const svg = s('svg', { class: 'map', role: 'group', 'aria-label': label },
    s('defs', {}, s('marker', { id: 'tip', viewBox: '0 0 8 8', refX: '7', refY: '4', markerWidth: '7', markerHeight: '7', markerUnits: 'userSpaceOnUse', orient: 'auto' }, s('path', { d: 'M0 .5 8 4 0 7.5z' }))),
    edgeLayer, labelLayer, nodeLayer);
  const scroll = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label + ', scrolls' }, svg);
  const note = h('p', { class: 'note' });
  const node = h('div', { class: 'mapbox' }, scroll, note);
  let drawn = '', at = new Map(), wide = 0;

  function layout(nodes, edges) {
    const room = Math.max(320, scroll.clientWidth || 900) - 8;
    const columns = layers(nodes, edges);
    untangle(columns, edges);
    const small = room < 640, gaps = Math.max(1, columns.length - 1);
    wide = small ? 132 : 200;
    const gap = Math.min(260, Math.max(small ? 72 : 104, (room - columns.length * wide) / gaps));
    const rows = Math.max(1, ...columns.map((c) => c.length));
    const width = columns.length * wide + (columns.length - 1) * gap, height = rows * PITCH;
    at = new Map();
    rowsOf(columns, edges, rows).forEach((ys, i) => columns[i].forEach((n, j) => at.set(n.id, { x: i * (wide + gap), y: ys[j] * PITCH + (PITCH - HEIGHT) / 2 })));
    attr(svg, 'width', Math.ceil(width) + 8);
    attr(svg, 'height', Math.ceil(height));
    attr(svg, 'viewBox', `-4 0 ${Math.ceil(width) + 8} ${Math.ceil(height)}`);
  }

  function makeNode(n) {
    const title = s('title'), name = s('text', { class: 'name', x: 12, y: 20 }), state = s('path', { class: 'state', transform: 'translate(12 29)' });
    const under = s('text', { class: 'under', x: n.queue ? 12 : 29, y: 38 });
    const box = s('rect', { class: 'box', height: HEIGHT, rx: n.queue ? 25 : 9 });
    const clip = s('rect', { class: 'fill', height: 4, y: HEIGHT - 8, x: 18, rx: 2 });
    const a = s('a', { class: n.queue ? 'node queue' : 'node process' }, title, box, n.queue ? [s('rect', { class: 'rail', height: 4, y: HEIGHT - 8, x: 18, rx: 2 }), clip] : state, name, under);
    return {
      node: a,
      update(m) {
        const p = at.get(m.id), letters = Math.floor((wide - (m.queue ? 38 : 22)) / 7.6), words = Math.floor((wide - (m.queue ? 38 : 40)) / 6.3);
        attr(a, 'transform', `translate(${p.x.toFixed(1)} ${p.y.toFixed(1)})`);
        attr(box, 'width', wide);
        attr(a, 'href', m.queue ? queueHref(m.name) : processHref(m.id));
        attr(a, 'data-state', m.state);
        text(name, short(m.name, letters));
        text(title, m.title);
        if (m.queue) {
          attr(name, 'x', 20);
          attr(under, 'x', 20);
          attr(under, 'y', 34);
          attr(a.querySelector('.rail'), 'width', wide - 36);
          attr(clip, 'width', Math.max(0, Math.round(m.fill * (wide - 36))));
        } else attr(state, 'd', iconPath(m.state));
        text(under, short(m.under, words));
      },
    };
  }

  function makeEdge() {
    const path = s('path', { class: 'edge', fill: 'none', 'marker-end': 'url(#tip)' });
    return {
      node: path,
      update(e) {
        attr(path, 'd', curve(e).d);
        const rate = e.rates ? e.rates.records : 0;
        attr(path, 'data-state', e.state);
        attr(path, 'data-moves', rate > 0 ? 'yes' : null);
        attr(path, 'data-holds', e.holds_up ? 'yes' : null);
        attr(path, 'stroke-width', (1.3 + (rate > 0 ? Math.min(3, Math.log10(1 + rate) / 2) : 0)).toFixed(1));
      },
    };
  }

  // The rate stands near the process, where fewest arrows meet.
  function makeLabel() {
    const node = s('text', { class: 'rate', 'text-anchor': 'middle' });
    return {
      node,
      update(e) {
        const c = curve(e);
        attr(node, 'x', c.x.toFixed(1));
        attr(node, 'y', (c.y - 6).toFixed(1));
        attr(node, 'data-moves', e.rates && e.rates.records > 0 ? 'yes' : null);
        attr(node, 'data-holds', e.holds_up ? 'yes' : null);
        text(node, [e.rates ? perSecond(e.rates) : '', behind(e)].filter(Boolean).join(', '));
      },
    };
  }

  function curve(e) {
    const from = at.get(e.from), to = at.get(e.to);
    const x1 = from.x + wide, y1 = from.y + HEIGHT / 2 + (to.x <= from.x ? 10 : 0), x2 = to.x - 2, y2 = to.y + HEIGHT / 2 + (to.x <= from.x ? 10 : 0);
    const bend = to.x > from.x ? (x2 - x1) / 2 : 70, dip = to.x > from.x ? 0 : 44;
    const t = e.from === e.process ? 0.36 : 0.64, u = 1 - t;
    const mix = (a, b, c, d) => u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d;
    return {
      d: `M${x1.toFixed(1)} ${y1.toFixed(1)}C${(x1 + bend).toFixed(1)} ${(y1 + dip).toFixed(1)} ${(x2 - bend).toFixed(1)} ${(y2 + dip).toFixed(1)} ${x2.toFixed(1)} ${y2.toFixed(1)}`,
      x: mix(x1, x1 + bend, x2 - bend, x2), y: mix(y1, y1 + dip, y2 + dip, y2),
    };
  }

  return {
    node,
    update(model, keep, bare) {
      const edges = [...model.edges.values()].filter((e) => model.queues.has(e.queue) && model.processes.has(e.process) && (!keep || keep(e)))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
      const used = new Set(edges.flatMap((e) => [e.from, e.to]));
      const nodes = [];
      let left = 0;
      for (const p of [...model.processes.values()].sort((a, b) => a.pid - b.pid || (a.id < b.id ? -1 : 1))) {
        if (used.has(p.id)) nodes.push({ id: p.id, name: p.command, state: p.state, under: p.pid ? `${p.pid} ${p.state}` : p.state, title: p.pid ? `${p.command} ${p.pid} ${p.state}, process` : `durable subscription ${p.command}, which no process has` });
      }
      for (const q of [...model.queues.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
        if (!used.has(q.id) && !(bare && bare(q))) {
          left++;
          continue;
        }
        const words = q.error ? 'error' : `${count(q.records)} in it` + (q.state ? `, ${q.state}` : '');
        nodes.push({ id: q.id, queue: true, name: q.name, state: q.alert ? 'alert' : 'fine', under: words, fill: q.slots ? q.depth / q.slots : 0, title: `${q.name} ${words}, queue` + (q.error ? `: ${q.error}` : '') });
      }
      const key = nodes.map((n) => n.id).join('\n') + '\n\n' + edges.map((e) => e.id).join('\n') + scroll.clientWidth;
      if (key !== drawn && nodes.length) layout(nodes, edges);
      drawn = key;
      scroll.hidden = !nodes.length;
      attr(svg, 'data-still', edges.length > MOVING ? 'yes' : null);
      keyed(edgeLayer, edges, (e) => e.id, makeEdge);
      keyed(labelLayer, edges, (e) => e.id, makeLabel);
      keyed(nodeLayer, nodes, (n) => n.id, makeNode);
      const others = left && !keep ? `${left} ${left === 1 ? 'queue has' : 'queues have'} no participant and ${left === 1 ? 'is' : 'are'} not drawn.` : '';
      text(note, nodes.length ? others : 'No process is attached to a queue. ' + others);
      note.hidden = !note.textContent;
    },
  };
}
