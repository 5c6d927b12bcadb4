// model.js keeps what the server has sent: the graph of now, and the last minutes.

export const model = {
  queues: new Map(), processes: new Map(), edges: new Map(), history: new Map(),
  time: 0, place: '', error: '', link: 'wait', ready: false, structure: 0,
};

let source, retry, closer = '', changed = () => {};
let bucket = 2000, points = 150;

export function onChange(f) { changed = f; }

// lookAt connects; the server looks closely at one queue, or at none.
export function lookAt(queue) {
  if (source && queue === closer) return;
  closer = queue;
  connect();
}

function connect() {
  clearTimeout(retry);
  if (source) source.close();
  source = null;
  if (document.hidden) return;
  const mine = source = new EventSource('events' + (closer ? '?queue=' + encodeURIComponent(closer) : ''));
  const lost = (link) => {
    model.link = link;
    changed();
    if (link === 'ended' || mine.readyState === EventSource.CLOSED) {
      mine.close();
      clearTimeout(retry);
      retry = setTimeout(connect, 3000);
    }
  };
  mine.onmessage = (e) => {
    model.link = 'live';
    apply(JSON.parse(e.data));
    changed();
  };
  mine.addEventListener('end', () => lost('ended'));
  mine.onerror = () => { if (mine === source) lost('lost'); };
}

// A page that nobody sees has nothing looked at.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    if (source) source.close();
    source = null;
    clearTimeout(retry);
  } else connect();
});

function apply(frame) {
  if (frame.full) {
    for (const of of [model.queues, model.processes, model.edges, model.history]) of.clear();
    bucket = frame.bucket_ms;
    points = frame.points;
    for (const [id, past] of Object.entries(frame.history || {})) model.history.set(id, past);
    model.structure++;
  }
  model.time = frame.time_ms;
  model.place = frame.place;
  model.error = frame.error || '';
  for (const kind of ['queues', 'processes', 'edges']) {
    for (const item of frame[kind]) {
      if (!model[kind].has(item.id)) model.structure++;
      model[kind].set(item.id, item);
    }
  }
  for (const id of frame.gone) {
    if (model.queues.delete(id) || model.processes.delete(id) || model.edges.delete(id)) model.structure++;
    model.history.delete(id);
  }
  if (!frame.full) for (const q of model.queues.values()) remember(q);
  model.ready = true;
}

// remember does what the server does to its histories: the latest value of a bucket counts.
function remember(q) {
  if (q.error) return;
  const at = Math.floor(model.time / bucket);
  let past = model.history.get(q.id);
  if (!past || past.creation && past.creation !== q.creation_id || at < past.last || at - past.last >= points) {
    past = { last: at - 1, depth: [], sent: [], received: [] };
    model.history.set(q.id, past);
  }
  past.creation = q.creation_id;
  const now = { depth: q.depth, sent: q.sent ? q.sent.records : null, received: q.received ? q.received.records : null };
  for (const [name, value] of Object.entries(now)) {
    const values = past[name];
    if (at === past.last) values[values.length - 1] = value;
    else {
      for (let gap = past.last + 1; values.length && gap < at; gap++) values.push(null);
      values.push(value);
      if (values.length > points) values.splice(0, values.length - points);
    }
  }
  past.last = at;
}

// series returns the last minutes of one value, the newest last; null where nobody looked.
export function series(id, name) {
  const past = model.history.get(id);
  const values = past ? past[name] : [];
  const late = past ? Math.max(0, Math.floor(model.time / bucket) - past.last) : 0;
  return { values: late ? values.concat(Array(Math.min(late, points)).fill(null)) : values, points, minutes: bucket * points / 60000 };
}

export const edgesOf = (id) => [...model.edges.values()].filter((e) => e.queue === id || e.process === id);
