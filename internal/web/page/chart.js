// chart.js draws values over time, the newest at the right.
import { attr, count, h, s, text } from './dom.js';

// lines returns the SVG paths of a series: the line, and the area below. Gaps stay gaps.
function lines(values, points, top, width, height) {
  const step = width / (points - 1);
  const x0 = width - (values.length - 1) * step;
  let line = '', area = '', open = null;
  const end = (x) => {
    if (open !== null) area += `L${x.toFixed(1)} ${height}L${open.toFixed(1)} ${height}Z`;
    open = null;
  };
  values.forEach((v, i) => {
    const x = x0 + i * step;
    if (v === null || v === undefined) return end(x - step);
    const y = height - 1 - Math.min(1, v / top) * (height - 2);
    const at = `${x.toFixed(1)} ${y.toFixed(1)}`;
    line += (open === null ? 'M' : 'L') + at + (open === null ? 'h.01' : '');
    area += (open === null ? 'M' : 'L') + at;
    if (open === null) open = x;
  });
  end(width);
  return [line, area];
}

// spark is a small chart in a row. It has no words: the row has them.
export function spark(width = 160, height = 30) {
  const area = s('path', { class: 'area' }), line = s('path', { class: 'line' });
  const node = s('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, area, line);
  return {
    node,
    update({ values, points }, top) {
      const [l, a] = lines(values, points, Math.max(top || 0, 1), width, height);
      attr(line, 'd', l);
      attr(area, 'd', a);
    },
  };
}

// chart is a large one of one or more series, with a scale and a legend.
export function chart(title, names) {
  const width = 600, height = 150;
  const paths = names.map((_, i) => [s('path', { class: `area c${i}` }), s('path', { class: `line c${i}` })]);
  const svg = s('svg', { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img' },
    [0.25, 0.5, 0.75].map((y) => s('path', { class: 'grid', d: `M0 ${height * y}H${width}` })), paths.flat());
  const top = h('span', { class: 'top' }), from = h('span');
  const now = names.map(() => h('b'));
  const node = h('figure', { class: 'chart' },
    h('figcaption', {}, h('h2', {}, title), names.map((n, i) => h('span', { class: `key c${i}` }, h('i'), n + ' ', now[i]))),
    h('div', { class: 'plot' }, svg, top), h('div', { class: 'axis' }, from, h('span', {}, 'now')));
  return {
    node,
    // all are series; limit is the scale's end, 0 for the largest value.
    update(all, limit, unit) {
      const most = limit || Math.max(1, ...all.flatMap((a) => a.values.filter((v) => v !== null && v !== undefined)));
      all.forEach((a, i) => {
        const [l, under] = lines(a.values, a.points, most, width, height);
        attr(paths[i][1], 'd', l);
        attr(paths[i][0], 'd', under);
        text(now[i], count(a.values.at(-1)) + unit);
      });
      text(top, count(most) + unit);
      text(from, `${Math.round(all[0].minutes)} min ago`);
      attr(svg, 'aria-label', `${title}: ` + names.map((n, i) => `${n} ${count(all[i].values.at(-1))}${unit}`).join(', '));
    },
  };
}
