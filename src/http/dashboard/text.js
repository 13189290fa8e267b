'use strict';
/* text - figures and times as people read them, and the few ways in which this page changes itself.  What comes from the
 * server goes into the page as text, never as markup: there is no other way in this file, and the page's policy forbids one. */

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat('en', { maximumFractionDigits: 2, minimumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const hour = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

const UNITS = [['d', 86400000], ['h', 3600000], ['min', 60000], ['s', 1000]];

/* Two units at most: "2 h 5 min", "40 s". */
function span(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1000) return ms > 0 ? '< 1 s' : '0 s';
  const at = UNITS.findIndex((unit) => ms >= unit[1]);
  const whole = Math.floor(ms / UNITS[at][1]);
  const rest = at + 1 < UNITS.length ? Math.floor((ms % UNITS[at][1]) / UNITS[at + 1][1]) : 0;
  return `${whole} ${UNITS[at][0]}` + (rest > 0 ? ` ${rest} ${UNITS[at + 1][0]}` : '');
}

function count(value) {
  return value === null || value === undefined ? '–' : number.format(value);
}

function rate(value) {
  if (value === null || value === undefined) return '–';
  return value >= 100 ? number.format(value) : small.format(value);
}

function micros(us) {
  if (us === null || us === undefined) return '–';
  return us < 1000 ? '< 1 ms' : us < 10000000 ? `${number.format(us / 1000)} ms` : `${small.format(us / 1000000)} s`;
}

function jobs(value) {
  return value === 1 ? '1 job' : `${count(value)} jobs`;
}

/* The time alone if it was within the last twelve hours. */
function at(ms, now) {
  if (!ms) return '–';
  return (Math.abs(now - ms) < 12 * 3600000 ? clock : day).format(new Date(ms));
}

function since(ms, now) {
  return ms ? `since ${at(ms, now)} (${span(Math.max(0, now - ms))})` : '';
}

/* ---- figures of the overview ---- */

function sum(list, of) {
  return list.reduce((total, one) => total + of(one), 0);
}

function heldOf(queue) {
  return sum(Object.values(queue.held), (value) => value);
}

/* Of all processes that report. */
function workersOf(view) {
  return view.processes.filter((process) => process.alive).flatMap((process) => process.workers);
}

/* ---- the page ---- */

function $(id) {
  return document.getElementById(id);
}

function make(name, className, ...content) {
  const element = document.createElement(name);
  if (className) element.className = className;
  for (const part of content) if (part !== null && part !== undefined) element.append(part);
  return element;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function mark(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

/* As many children as there are items, each filled again: what has the focus keeps it. */
function fill(parent, items, begin, refresh) {
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  while (parent.children.length < items.length) parent.append(begin());
  items.forEach((item, index) => refresh(parent.children[index], item, index));
}

function cells(row, texts) {
  texts.forEach((text, index) => say(row.cells[index], text));
}

function rowOf(classes, head) {
  const row = document.createElement('tr');
  classes.forEach((name, index) => {
    const cell = document.createElement(index === 0 && head ? 'th' : 'td');
    if (index === 0 && head) cell.scope = 'row';
    if (name) cell.className = name;
    row.append(cell);
  });
  return row;
}

/* Pairs of term and description. */
function describe(list, pairs) {
  const wanted = pairs.filter((pair) => pair !== null);
  fill(list, wanted, () => make('div', '', make('dt'), make('dd')), (group, pair) => {
    say(group.firstElementChild, pair[0]);
    say(group.lastElementChild, pair[1]);
    mark(group, 'level', pair[2] || '');
  });
}

function button(text, label, onClick, className) {
  const element = make('button', className || '', text);
  element.type = 'button';
  if (label) element.setAttribute('aria-label', label);
  element.addEventListener('click', onClick);
  return element;
}
