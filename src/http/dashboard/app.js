'use strict';
/* app - the page itself: asks for the overview every two seconds and shows it. */

let view = null;
let heardAt = 0; /* this browser's clock, as all ages of answers are */
let picked = '';

/* ---- the verdict ---- */

function drawPulse() {
  const age = Date.now() - heardAt;
  const silent = heardAt === 0 ? poll.failures > 0 : age > 10000;
  mark($('pulse'), 'level', silent ? 'bad' : heardAt === 0 ? 'wait' : 'ok');
  if (heardAt === 0) say($('pulse-text'), silent ? 'no answer yet' : 'connecting');
  else say($('pulse-text'), silent ? `no answer since ${at(heardAt, Date.now())} (${span(age)})` : 'live');
  document.body.classList.toggle('stale', silent && heardAt > 0);
  return silent;
}

const LEVELS = { alarm: 'bad', warning: 'warn', note: 'info', fine: 'ok' };
const TITLES = { alarm: 'Trouble', warning: 'Attention', note: 'Note', fine: '' };

/* In which list the jobs are that a cause is about. */
const PLACES = { uncertain: 'uncertain', unknown: 'unknown', dead: 'dead' };

function showVerdict(level, text, todo) {
  mark($('verdict'), 'level', level);
  show($('verdict-open'), false);
  say($('verdict-what'), text);
  say($('verdict-todo'), todo);
  show($('verdict-todo'), todo !== '');
}

/* Read out when another cause is the first, and not with each second that it lasts. */
function announce(key, text) {
  if ($('verdict-told').dataset.key === key) return;
  mark($('verdict-told'), 'key', key);
  say($('verdict-told'), text);
}

function drawSilence(problem) {
  fill($('verdict-more'), [], () => null, () => null);
  if (problem && (problem.status === 401 || problem.status === 403 || problem.status === 429)) {
    showVerdict('warn', `bellhopd wants to know who asks: ${problem.message}.`, 'Enter the administrator\'s token.');
  } else if (heardAt === 0) {
    showVerdict('bad', `No answer from bellhopd${problem ? `: ${problem.message}` : ''}.`, 'Is it running? systemctl status bellhopd');
  } else {
    showVerdict('bad', `No answer from bellhopd since ${at(heardAt, Date.now())} (${span(Date.now() - heardAt)}). All figures below are as old as that.`, 'Is it running? systemctl status bellhopd');
  }
  announce(`silence ${heardAt}`, $('verdict-what').textContent);
}

function newVerdict() {
  const item = make('li', '', make('span', 'level'), make('span', 'what'), make('span', 'todo'), make('button', 'link'));
  item.lastElementChild.type = 'button';
  return item;
}

/* The way to what a verdict is about. */
function fillOpen(open, verdict) {
  show(open, verdict.queue !== null);
  say(open, PLACES[verdict.cause] ? 'Show the jobs' : 'Show the queue');
  open.setAttribute('aria-label', `${open.textContent}: ${verdict.text}`);
  open.onclick = () => goTo(verdict.queue, PLACES[verdict.cause]);
}

function fillVerdict(item, verdict) {
  mark(item, 'level', LEVELS[verdict.gravity]);
  say(item.children[0], TITLES[verdict.gravity]);
  say(item.children[1], verdict.text);
  say(item.children[2], verdict.todo);
  fillOpen(item.lastElementChild, verdict);
}

function goTo(queue, place) {
  pick(queue);
  if (place) {
    $('jobs-state').value = place;
    newList();
    $('jobs').scrollIntoView({ block: 'start' });
    $('jobs-state').focus();
  } else {
    $('picked-title').scrollIntoView({ block: 'start' });
  }
}

function drawVerdict() {
  const first = view.verdict;
  showVerdict(LEVELS[first.gravity], first.text, first.todo);
  fillOpen($('verdict-open'), first);
  fill($('verdict-more'), view.also, newVerdict, fillVerdict);
  announce(`${first.cause} ${first.gravity} ${first.queue}`, `${first.text} ${first.todo}`);
  document.title = first.gravity === 'alarm' ? `(!) ${first.text} – Bellhop` : `Bellhop – ${view.instance}`;
}

/* ---- queues ---- */

function newQueueRow() {
  const row = rowOf(['', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', ''], true);
  const titles = $('queues').tHead.rows[0].cells;
  for (const cell of row.cells) cell.dataset.title = titles[cell.cellIndex].textContent;
  const open = make('button', 'link');
  open.type = 'button';
  open.addEventListener('click', () => pick(open.dataset.name));
  row.cells[0].append(open, make('small'));
  row.cells[12].append(make('span', 'state'));
  return row;
}

function queueState(queue) {
  if (!queue.known) return ['not read yet', 'wait'];
  if (queue.paused) return [`paused${queue.reason ? `: ${queue.reason}` : ''}`, 'held'];
  if (queue.warning) return ['too slow', 'failed'];
  return queue.inflight > 0 ? ['sending', 'sending'] : queue.waiting > 0 ? ['waiting', 'retrying'] : ['idle', 'sent'];
}

function heldText(queue) {
  const reasons = Object.keys(queue.held);
  return reasons.length === 0 ? '0' : count(heldOf(queue));
}

function fillQueueRow(row, queue) {
  const open = row.cells[0].firstElementChild;
  const [state, look] = queueState(queue);
  open.dataset.name = queue.name;
  say(open, queue.name);
  open.setAttribute('aria-pressed', String(queue.name === picked));
  row.classList.toggle('is-picked', queue.name === picked);
  say(row.cells[0].lastElementChild, queue.type);
  const figures = [queue.ready, queue.scheduled, queue.retrying, null, queue.inflight, queue.uncertain, queue.dead];
  figures.forEach((value, index) => {
    const cell = row.cells[index + 1];
    say(cell, value === null ? heldText(queue) : count(value));
    cell.classList.toggle('zero', cell.textContent === '0');
  });
  row.cells[4].title = Object.entries(queue.held).map(([reason, value]) => `${reason.replaceAll('_', ' ')}: ${value}`).join(', ');
  mark(row.cells[6], 'level', queue.uncertain > 0 ? 'warn' : '');
  say(row.cells[8], queue.oldest_ms > 0 ? span(queue.oldest_ms) : '–');
  mark(row.cells[8], 'level', queue.late ? 'warn' : '');
  say(row.cells[9], rate(queue.in_per_s));
  say(row.cells[10], rate(queue.out_per_s));
  say(row.cells[11], queue.waiting === 0 || queue.paused ? '–' : queue.drain_ms === null ? 'never' : span(queue.drain_ms));
  mark(row.cells[11], 'level', queue.warning ? 'bad' : '');
  say(row.cells[12].firstElementChild, state);
  mark(row.cells[12].firstElementChild, 'state', look);
}

function drawCodes(queue) {
  const windows = ['m1', 'm15', 'm60'];
  const codes = [...new Set(windows.flatMap((name) => Object.keys(queue.codes[name])))].sort();
  fill($('codes').tBodies[0], codes, () => rowOf(['', 'n', 'n', 'n'], true), (row, code) => {
    cells(row, [CODES[code] ? `${code} ${CODES[code]}` : code, ...windows.map((name) => count(queue.codes[name][code] || 0))]);
    mark(row, 'level', ['100', '101', '402'].includes(code) ? '' : 'warn');
  });
  show($('codes'), codes.length > 0);
  show($('codes-empty'), codes.length === 0);
}

const CODES = { 0: 'no answer', 100: 'accepted', 101: 'accepted in part', 201: 'bad sender', 202: 'bad recipient', 300: 'not complete', 301: 'no recipient', 304: 'no type', 305: 'bad text',
  307: 'sender too long', 400: 'bad type', 401: 'text too long', 402: 'reload lock', 403: 'daily limit', 500: 'no credit', 600: 'not delivered to the carrier', 700: 'unknown error',
  900: 'wrong key', 901: 'signature', 902: 'no right', 903: 'address not allowed' };

function drawPicked() {
  const queue = view.queues.find((one) => one.name === picked);
  if (!queue) return;
  say($('picked-title'), `Queue ${queue.name}`);
  say($('picked-note'), [queue.paused ? `paused ${since(queue.since, view.at)}${queue.by ? ` by ${queue.by}` : ''}${queue.reason ? `: ${queue.reason}` : ''}` : '',
    queue.rate !== null ? `rate set to ${queue.rate || 'no limit'}` : '', queue.concurrency !== null ? `concurrency set to ${queue.concurrency || 'no limit'}` : '',
    ...Object.entries(queue.held).map(([reason, value]) => `${jobs(value)} held: ${reason.replaceAll('_', ' ')}`)].filter((part) => part).join('; '));
  drawCodes(queue);
  const wanted = view.admin ? (queue.paused ? 'resume' : 'pause') : '';
  const box = $('queue-actions');
  const key = `${wanted} ${queue.name}`;
  if (box.dataset.wanted === key) return;
  box.dataset.wanted = key;
  box.replaceChildren();
  if (wanted === 'pause') box.append(button('Pause queue', `Pause queue ${queue.name}`, () => queueChange(queue.name, 'pause')));
  if (wanted === 'resume') box.append(button('Resume queue', `Resume queue ${queue.name}`, () => queueChange(queue.name, 'resume'), 'primary'));
}

function pick(name) {
  if (picked === name) return;
  picked = name;
  $('jobs-queue').value = name;
  newList();
  historyPoll.soon();
  shapePoll.soon();
  if (view) draw();
}

/* ---- account, gateway, workers ---- */

function drawAccount() {
  const account = view.account;
  const paused = account.known && account.state !== 'open';
  describe($('account'), [
    ['State', !account.known ? 'not read yet' : paused ? `${account.state}: ${account.reason}${account.code ? `, code ${account.code}` : ''}` : 'open', paused ? 'bad' : ''],
    paused && account.text ? ['Why', account.text] : null,
    account.since ? ['Since', `${at(account.since, view.at)} (${span(Math.max(0, view.at - account.since))})`] : null,
    paused && account.probe_wait_ms !== null ? ['Tried again in', span(account.probe_wait_ms)] : null,
    ['Balance', account.balance === null ? 'not read yet' : account.balance, account.balance_low ? 'warn' : ''],
    account.balance_at ? ['Read', `${span(Math.max(0, view.at - account.balance_at))} ago`] : null,
    ['Spent in the last hour', account.spent_last_hour],
    ['Journal', account.journal],
    ['Reload lock', account.lock === 'unknown' ? 'not tried' : account.lock],
  ]);
  const box = $('account-actions');
  const wanted = view.admin && account.known ? (paused ? 'resume' : 'pause') : '';
  if (box.dataset.wanted === wanted) return;
  box.dataset.wanted = wanted;
  box.replaceChildren();
  if (wanted === 'pause') box.append(button('Pause account', '', () => accountChange('pause')));
  if (wanted === 'resume') box.append(button('Resume account', '', () => accountChange('resume'), 'primary'));
}

function drawGateway() {
  const alive = view.processes.filter((process) => process.alive);
  const worst = (name) => alive.reduce((most, process) => (process.gateway[name] === null ? most : Math.max(most === null ? 0 : most, process.gateway[name])), null);
  const requests = sum(alive, (process) => process.gateway.count);
  const all = workersOf(view);
  const open = all.filter((worker) => worker.breaker_open).length;
  const window = Math.max(0, ...alive.map((process) => process.gateway.window_ms));
  describe($('gateway'), [
    ['State', all.length === 0 ? 'no worker' : open === 0 ? 'up' : open === all.length ? 'down' : `down for ${open} of ${all.length} workers`, open > 0 ? 'bad' : ''],
    ['Latency p50', micros(worst('p50_us'))],
    ['p95', micros(worst('p95_us'))],
    ['p99', micros(worst('p99_us'))],
    ['Requests', `${count(requests)} in ${span(window)}`],
    ['Connections', count(sum(alive, (process) => process.gateway.connections_open))],
    ['Redis p99', micros(alive.reduce((most, process) => (process.redis.p99_us === null ? most : Math.max(most || 0, process.redis.p99_us)), null))],
  ]);
}

function drawWorkers() {
  const rows = view.processes.flatMap((process) => (process.alive && process.workers.length > 0 ? process.workers : [null]).map((worker, index) => ({ process, worker, first: index === 0 })));
  fill($('workers').tBodies[0], rows, () => {
    const row = rowOf(['', '', 'n', 'n', 'n', 'n', 'n', '', '', 'n', 'n'], true);
    row.cells[1].append(make('span', 'state'));
    return row;
  }, (row, { process, worker, first }) => {
    const state = process.alive ? process.state : `silent ${span(Math.max(0, view.at - process.reported_at))}`;
    const figures = worker ? [count(worker.number), `${span(worker.turned_ms_ago)} ago`, micros(worker.lag_p99_us), count(worker.slots_used), count(worker.in_flight), worker.store_up ? 'up' : 'away', worker.breaker_open ? 'down' : 'up', count(worker.sent), count(worker.failed)] : ['–', '–', '–', '–', '–', '–', '–', '–', '–'];
    say(row.cells[0], first ? `${process.instance} ${process.version}` : process.instance);
    row.classList.toggle('again', !first);
    say(row.cells[1].firstElementChild, state);
    mark(row.cells[1].firstElementChild, 'state', !process.alive ? 'failed' : process.state === 'draining' ? 'held' : 'sent');
    figures.forEach((text, index) => say(row.cells[index + 2], text));
    mark(row.cells[3], 'level', worker && worker.stalled ? 'bad' : '');
    mark(row.cells[7], 'level', worker && !worker.store_up ? 'bad' : '');
    mark(row.cells[8], 'level', worker && worker.breaker_open ? 'bad' : '');
  });
}

/* ---- everything ---- */

function drawQueueChoice() {
  const names = view.queues.map((queue) => queue.name);
  const select = $('jobs-queue');
  if ([...select.options].map((option) => option.value).join() !== names.join()) {
    const before = select.value;
    select.replaceChildren(...names.map((name) => { const option = make('option', '', name); option.value = name; return option; }));
    if (names.includes(before)) select.value = before;
  }
  if (!names.includes(picked) && names.length > 0) pick(names[0]);
}

function draw() {
  drawQueueChoice();
  say($('where'), `${view.instance} · ${view.version}`);
  show($('login'), !view.admin);
  show($('logout'), Boolean(token));
  show($('role'), view.admin);
  drawVerdict();
  fill($('queues').tBodies[0], view.queues, newQueueRow, fillQueueRow);
  drawPicked();
  drawAccount();
  drawGateway();
  drawWorkers();
  drawPulse();
}

async function loadOverview() {
  try {
    view = await call('/api/v1/overview');
    heardAt = Date.now();
    draw();
    return true;
  } catch (problem) {
    if (problem.status === 401 && token) {
      keepToken('');
      show($('logout'), false);
      toast('The token is not valid any more, and was forgotten.');
    }
    poll.problem = problem;
    if (drawPulse() || problem.status) drawSilence(problem.status ? problem : { message: 'the connection failed' });
    return false;
  }
}

const poll = new Poll(2000, loadOverview);

const historyPoll = new Poll(10000, async () => {
  if (!picked || document.visibilityState === 'hidden') return true;
  const history = await call(`/api/v1/history?${new URLSearchParams({ queue: picked })}`);
  if (history.queue === picked) {
    drawDepth(history);
    drawFlow(history);
  }
  return true;
});

const shapePoll = new Poll(20000, async () => {
  if (!picked || document.visibilityState === 'hidden') return true;
  const shape = await call(`/api/v1/shape?${new URLSearchParams({ queue: picked })}`);
  if (shape.queue === picked) drawShape(shape);
  return true;
});

/* ---- changes ---- */

let toastTimer = 0;

function toast(text) {
  say($('toast'), text);
  $('toast').classList.add('is-shown');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $('toast').classList.remove('is-shown'); say($('toast'), ''); }, 8000);
}

function problemText(problem) {
  if (problem.status === 429) return `${problem.message}; try again in ${problem.retryAfter} s`;
  return problem.status ? problem.message : 'bellhopd does not answer; whether it was done is not known';
}

let asked = null;

/* A question before anything is changed.  {title, text, yes, reason: bool, run(reason), done()} */
function ask(question) {
  asked = question;
  say($('confirm-title'), question.title);
  say($('confirm-text'), question.text);
  say($('confirm-yes'), question.yes);
  show($('confirm-reason-label'), Boolean(question.reason));
  show($('confirm-problem'), false);
  $('confirm-reason').value = '';
  $('confirm-yes').disabled = false;
  $('confirm').showModal();
  (question.reason ? $('confirm-reason') : $('confirm-no')).focus();
}

async function confirmed(event) {
  event.preventDefault();
  const question = asked;
  $('confirm-yes').disabled = true;
  try {
    const answer = await question.run($('confirm-reason').value.trim());
    $('confirm').close();
    toast(`${question.yes}: ${answer.text}.`);
  } catch (problem) {
    say($('confirm-problem'), `${problemText(problem)}.`);
    show($('confirm-problem'), true);
  }
  $('confirm-yes').disabled = false;
  poll.soon();
  if (question.done) question.done();
}

function queueChange(name, operation) {
  const pause = operation === 'pause';
  ask({ title: pause ? `Pause queue ${name}?` : `Resume queue ${name}?`, yes: pause ? 'Pause' : 'Resume', reason: pause,
    text: pause ? 'Nothing more of it is sent by any worker. What is in flight ends; what is pushed waits.' : 'All workers go on with it at once.',
    run: (reason) => call(`/api/v1/queue/${encodeURIComponent(name)}/${operation}`, pause ? { reason } : {}) });
}

function accountChange(operation) {
  const pause = operation === 'pause';
  ask({ title: pause ? 'Pause the account?' : 'Resume the account?', yes: pause ? 'Pause' : 'Resume', reason: pause,
    text: pause ? 'Nothing more is sent from any queue, by any worker of this account, until somebody resumes it.' : 'All workers go on at once, whatever it was paused for.',
    run: (reason) => call(`/api/v1/account/${operation}`, pause ? { reason } : {}) });
}

async function enterToken(event) {
  event.preventDefault();
  const value = $('token-value').value.trim();
  try {
    const answer = await call('/api/v1/overview', undefined, value);
    if (!answer.admin) throw new Refusal(401, 'this is not the administrator\'s token', 0);
    keepToken(value);
    $('token').close();
    $('token-value').value = '';
    toast('You are the administrator in this tab.');
    poll.soon();
    listPoll.soon();
    historyPoll.soon();
    shapePoll.soon();
    if (!$('panel').hidden) jobPoll.soon();
  } catch (problem) {
    say($('token-problem'), `${problem.status ? problemText(problem) : 'bellhopd does not answer'}.`);
    show($('token-problem'), true);
    $('token-value').select();
  }
}

/* ---- what people do ---- */

$('login').addEventListener('click', () => { show($('token-problem'), false); $('token').showModal(); $('token-value').focus(); });
$('logout').addEventListener('click', () => { keepToken(''); toast('The token was forgotten.'); poll.soon(); listPoll.soon(); if (!$('panel').hidden) jobPoll.soon(); });
$('token-form').addEventListener('submit', enterToken);
$('token-no').addEventListener('click', () => $('token').close());
$('token').addEventListener('close', () => { $('token-value').value = ''; });
$('confirm-form').addEventListener('submit', confirmed);
$('confirm-no').addEventListener('click', () => $('confirm').close());
$('jobs-queue').addEventListener('change', () => { if (picked === $('jobs-queue').value) newList(); else pick($('jobs-queue').value); });
$('jobs-state').addEventListener('change', newList);
$('jobs-search').addEventListener('input', drawList);
$('jobs-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const id = $('jobs-search').value.trim();
  if (/^[A-Za-z0-9._@-]{1,64}$/.test(id)) openJob($('jobs-queue').value, id, $('jobs-search'));
  else say($('jobs-note'), 'An id has 1 to 64 of the characters A-Z a-z 0-9 . _ @ -');
});
$('jobs-next').addEventListener('click', () => { list.cursor = list.page.next; loadList(); $('jobs-table').scrollIntoView({ block: 'nearest' }); });
$('jobs-first').addEventListener('click', newList);
$('panel-close').addEventListener('click', closeJob);
document.addEventListener('keydown', (event) => { if (event.key === 'Escape' && !document.querySelector('dialog[open]')) closeJob(); });
document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') for (const one of [poll, listPoll, historyPoll, shapePoll, jobPoll]) one.soon(); });
let redrawTimer = 0;
new ResizeObserver(() => { clearTimeout(redrawTimer); redrawTimer = setTimeout(redraw, 150); }).observe($('main'));
setInterval(() => { if (drawPulse() && heardAt > 0) drawSilence(poll.problem && poll.problem.status ? poll.problem : null); }, 1000);

for (const one of [poll, listPoll, historyPoll, shapePoll, jobPoll]) one.soon();
