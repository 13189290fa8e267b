'use strict';
/* chart - SVG by hand: stacked areas, lines, bars.  Each figure has a sentence and a table that say the same. */

const SVG = 'http://www.w3.org/2000/svg';
const BOX = { width: 560, height: 190, left: 44, right: 8, top: 14, bottom: 24 };

/* Drawn as wide as there is room, so that its letters are as large as all others. */
function measure(plot) {
  BOX.width = Math.max(260, Math.round(plot.clientWidth) || 560);
}

function svg(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const key of Object.keys(attributes)) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  return element;
}

/* 1, 2 or 5 of a power of ten, so that at most four lines are drawn. */
function step(most) {
  const raw = Math.max(most, 1) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= raw);
  return Math.max(factor * power, most <= 4 ? 1 : factor * power);
}

function short(value) {
  if (value >= 1000000) return `${small.format(value / 1000000)}M`;
  return value >= 10000 ? `${number.format(value / 1000)}k` : number.format(value);
}

function frame(most) {
  const distance = step(most);
  const top = Math.max(distance, Math.ceil(most / distance) * distance);
  const y = (value) => BOX.height - BOX.bottom - (value / top) * (BOX.height - BOX.top - BOX.bottom);
  const root = svg('svg', { viewBox: `0 0 ${BOX.width} ${BOX.height}`, class: 'chart-svg', 'aria-hidden': 'true', focusable: 'false' });
  for (let value = 0; value <= top; value += distance) {
    root.append(svg('line', { class: 'grid-line', x1: BOX.left, x2: BOX.width - BOX.right, y1: y(value), y2: y(value) }),
      svg('text', { class: 'axis', x: BOX.left - 6, y: y(value) + 4, 'text-anchor': 'end' }, short(value)));
  }
  return { root, y };
}

function timeScale(from, to) {
  const width = BOX.width - BOX.left - BOX.right;
  return (ms) => BOX.left + ((ms - from) / Math.max(1, to - from)) * width;
}

function drawTimes(root, x, from, to) {
  const minutes = (to - from) / 60000;
  const every = (minutes > 40 ? 15 : minutes > 15 ? 10 : minutes > 5 ? 5 : minutes > 2 ? 2 : 1) * 60000;
  for (let ms = Math.ceil(from / every) * every; ms <= to; ms += every) {
    const near = x(ms) > BOX.width - 30 ? 'end' : x(ms) < BOX.left + 16 ? 'start' : 'middle';
    root.append(svg('text', { class: 'axis', x: x(ms), y: BOX.height - 6, 'text-anchor': near }, hour.format(new Date(ms))));
  }
}

function path(points) {
  return points.map((point, index) => `${index === 0 ? 'M' : 'L'}${point[0].toFixed(1)} ${point[1].toFixed(1)}`).join('');
}

function empty(plot, text) {
  plot.replaceChildren(make('p', 'empty', text));
}

/* rows: [{at, NAME: value}], oldest first; series: [[NAME, title]], the first at the bottom. */
function stacked(plot, rows, series) {
  measure(plot);
  const totals = rows.map((row) => series.reduce((total, one) => total + row[one[0]], 0));
  const { root, y } = frame(Math.max(...totals));
  const from = rows[0].at, to = rows[rows.length - 1].at;
  const x = timeScale(from, to);
  const below = rows.map(() => 0);
  for (const [name] of series) {
    const lower = rows.map((row, index) => [x(row.at), y(below[index])]);
    rows.forEach((row, index) => { below[index] += row[name]; });
    const upper = rows.map((row, index) => [x(row.at), y(below[index])]);
    if (rows.every((row) => row[name] === 0)) continue;
    root.append(svg('path', { class: `area s-${name}`, d: `${path(upper)}L${path(lower.reverse()).slice(1)}Z` }));
    root.append(svg('path', { class: `edge s-${name}`, d: path(upper) }));
  }
  drawTimes(root, x, from, to);
  plot.replaceChildren(root);
}

function lines(plot, rows, series) {
  measure(plot);
  const most = Math.max(...rows.map((row) => Math.max(...series.map((one) => row[one[0]]))));
  const { root, y } = frame(most);
  const from = rows[0].at, to = rows[rows.length - 1].at;
  const x = timeScale(from, to);
  for (const [name] of series) root.append(svg('path', { class: `line s-${name}`, d: path(rows.map((row) => [x(row.at), y(row[name])])) }));
  drawTimes(root, x, from, to);
  plot.replaceChildren(root);
}

function bars(plot, labels, values) {
  measure(plot);
  const { root, y } = frame(Math.max(...values));
  const width = (BOX.width - BOX.left - BOX.right) / values.length;
  const every = width < 44 ? 2 : 1; /* labels that would touch each other */
  values.forEach((value, index) => {
    const left = BOX.left + index * width;
    if (value > 0) {
      const top = Math.min(y(value), y(0) - 2);
      root.append(svg('rect', { class: 'bar-rect', x: left + 4, width: width - 8, y: top, height: y(0) - top, rx: 2 }),
        svg('text', { class: 'axis value', x: left + width / 2, y: top - 3, 'text-anchor': 'middle' }, short(value)));
    }
    if (index % every === 0) root.append(svg('text', { class: 'axis', x: left + width / 2, y: BOX.height - 6, 'text-anchor': 'middle' }, labels[index]));
  });
  plot.replaceChildren(root);
}

function legend(list, series) {
  fill(list, series, () => make('li', '', make('span', 'swatch'), make('span', '')), (item, one) => {
    item.firstElementChild.className = `swatch s-${one[0]}`;
    say(item.lastElementChild, one[1]);
  });
}

/* Only while it is open: nobody reads a table that is shut. */
function tableOf(figure, titles, rows) {
  const details = figure.querySelector('details');
  const draw = () => {
    if (!details.open) return;
    const table = details.querySelector('table');
    const head = make('tr', '', ...titles.map((title, index) => { const cell = make('th', index ? 'n' : '', title); cell.scope = 'col'; return cell; }));
    const body = rows.map((row) => { const line = rowOf(row.map((unused, index) => (index ? 'n' : '')), true); cells(line, row); return line; });
    table.replaceChildren(make('thead', '', head), make('tbody', '', ...body));
  };
  details.ontoggle = draw;
  draw();
}

const DEPTH = [['ready', 'ready'], ['inflight', 'in flight'], ['retrying', 'retrying'], ['held', 'held'], ['scheduled', 'scheduled']];
const FLOW = [['in', 'in'], ['out', 'out']];

/* What was drawn last, for another width of the window. */
const drawn = { history: null, shape: null };

function redraw() {
  if (drawn.history) {
    drawDepth(drawn.history);
    drawFlow(drawn.history);
  }
  if (drawn.shape) drawShape(drawn.shape);
}

function drawDepth(history) {
  drawn.history = history;
  const figure = $('depth'), plot = figure.querySelector('.plot'), words = figure.querySelector('figcaption');
  const rows = history.minutes.slice();
  if (history.present.at) rows.push(history.present);
  legend(figure.querySelector('.legend'), DEPTH);
  if (rows.length < 2) {
    empty(plot, 'The first minute is being written.');
    say(words, '');
    return;
  }
  const total = (row) => DEPTH.reduce((value, one) => value + row[one[0]], 0);
  const most = rows.reduce((best, row) => (total(row) > total(best) ? row : best));
  const last = rows[rows.length - 1];
  stacked(plot, rows, DEPTH);
  say(words, `Now ${jobs(total(last))}; most were ${count(total(most))} at ${hour.format(new Date(most.at))}; ${count(total(rows[0]))} at ${hour.format(new Date(rows[0].at))}.`);
  tableOf(figure, ['Time', ...DEPTH.map((one) => one[1]), 'dead'], rows.slice().reverse().map((row) => [hour.format(new Date(row.at)), ...DEPTH.map((one) => count(row[one[0]])), count(row.dead)]));
}

function drawFlow(history) {
  const figure = $('flow'), plot = figure.querySelector('.plot'), words = figure.querySelector('figcaption');
  const rows = history.minutes.filter((row) => row.over_ms > 0).map((row) => ({ at: row.at, in: (row.in * 60000) / row.over_ms, out: (row.out * 60000) / row.over_ms }));
  legend(figure.querySelector('.legend'), FLOW);
  if (rows.length < 2) {
    empty(plot, 'Known after three minutes.');
    say(words, '');
    return;
  }
  const last = rows[rows.length - 1];
  lines(plot, rows, FLOW);
  say(words, `In the last minute ${rate(last.in)} came in and ${rate(last.out)} went out.`);
  tableOf(figure, ['Time', 'in per minute', 'out per minute'], rows.slice().reverse().map((row) => [hour.format(new Date(row.at)), rate(row.in), rate(row.out)]));
}

function ageLabel(seconds) {
  return seconds <= 4800 ? `${Math.round(seconds / 60)}m` : `${small.format(Math.round(seconds / 360) / 10)}h`;
}

function drawShape(shape) {
  drawn.shape = shape;
  const figure = $('shape'), plot = figure.querySelector('.plot'), words = figure.querySelector('figcaption');
  const total = shape.counts.reduce((value, one) => value + one, 0);
  if (total === 0) {
    empty(plot, 'No job waits.');
    say(words, '');
    tableOf(figure, ['Age', 'jobs'], []);
    return;
  }
  const labels = shape.counts.map((unused, index) => (index < shape.buckets_s.length ? `≤${ageLabel(shape.buckets_s[index])}` : `>${ageLabel(shape.buckets_s[index - 1])}`));
  const old = shape.counts.slice(3).reduce((value, one) => value + one, 0);
  bars(plot, labels, shape.counts);
  say(words, `${old === 0 ? 'None' : count(old)} of ${jobs(total)} ${old === 1 || old === 0 ? 'is' : 'are'} older than 20 minutes.${shape.more ? ' A sample: there are more.' : ''}${shape.unclaimed > 0 ? ` Of ${count(shape.unclaimed)} that no worker has seen, the age is known for an hour back.` : ''}`);
  tableOf(figure, ['Age', 'jobs'], labels.map((label, index) => [label, count(shape.counts[index])]));
}
