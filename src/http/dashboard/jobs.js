'use strict';
/* jobs - the list of jobs, and one job's panel. */

const STATES = {
  waiting: { place: 'due' }, ready: { place: 'ready' }, scheduled: { place: 'due', state: 'scheduled' }, retrying: { place: 'due', state: 'retrying' },
  held: { place: 'due', state: 'held' }, uncertain: { place: 'due', state: 'uncertain' }, unclaimed: { place: 'unclaimed' }, inflight: { place: 'leases' }, suspects: { place: 'suspects' },
  dead: { place: 'dead' }, unknown: { place: 'dead', state: 'uncertain' },
};
const TIMES = { due: 'Goes on', leases: 'Lease until', dead: 'Died', ready: 'Next', suspects: 'Next', unclaimed: 'Next' };
const FINAL = ['sent', 'partial', 'failed', 'expired', 'cancelled', 'duplicate', 'unknown', 'invalid'];
const FIELDS = [['type', 'Type'], ['attempts', 'Tries'], ['created_at', 'Created', 1], ['updated_at', 'Changed', 1], ['next_at', 'Goes on', 1], ['expires_at', 'Expires', 1],
  ['sent_at', 'Sent', 1], ['code', 'Gateway\'s code'], ['http_status', 'HTTP status'], ['error', 'Error'], ['first_error', 'First error'], ['message_id', 'Message id'],
  ['parts', 'Parts'], ['encoding', 'Encoding'], ['price', 'Price'], ['balance', 'Balance then'], ['confirmed_by', 'Confirmed by'], ['delivery', 'Delivery'],
  ['delivered_at', 'Delivery reported', 1], ['duration', 'Duration, s'], ['caller_id', 'Caller id'], ['price_per_minute', 'Price per minute'], ['resent_as', 'Sent again as'], ['resend_of', 'Sent in place of'], ['foreign_id', 'Foreign id'],
  ['label', 'Label'], ['meta', 'Meta']];

const list = { cursor: '', page: null, focus: null };
const panel = { queue: '', id: '', job: null, from: null };

function listPath() {
  const chosen = STATES[$('jobs-state').value];
  const query = new URLSearchParams({ queue: $('jobs-queue').value, place: chosen.place });
  if (chosen.state) query.set('state', chosen.state);
  if (list.cursor) query.set('cursor', list.cursor);
  return `/api/v1/jobs?${query}`;
}

function recipientText(job) {
  const rest = job.to_count - job.to.length;
  return job.to.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function stateText(job) {
  if (job.uncertain && job.state !== 'unknown') return `${job.state}, uncertain`;
  return job.reason && job.reason !== 'uncertain' ? `${job.state}: ${job.reason.replaceAll('_', ' ')}` : job.state;
}

function matches(job, wanted) {
  return [job.id, stateText(job), recipientText(job), job.error, job.code].some((text) => String(text).toLowerCase().includes(wanted));
}

function newJobRow() {
  const row = rowOf(['id', '', 'to', 'n', '', '', 'error'], true);
  const open = make('button', 'link');
  open.type = 'button';
  open.addEventListener('click', () => openJob(row.dataset.queue, row.dataset.id, open));
  const badge = make('span', 'state');
  row.cells[0].append(open);
  row.cells[1].append(badge);
  return row;
}

function fillJobRow(row, job) {
  const now = list.page.at;
  const time = job.next_at || job.died_at;
  row.dataset.queue = job.queue;
  row.dataset.id = job.id;
  say(row.cells[0].firstElementChild, job.id || '(no id)');
  row.cells[0].firstElementChild.disabled = !job.id;
  say(row.cells[1].firstElementChild, stateText(job));
  mark(row.cells[1].firstElementChild, 'state', job.uncertain ? 'uncertain' : job.state);
  say(row.cells[2], recipientText(job) || '–');
  say(row.cells[3], count(job.attempts));
  say(row.cells[4], job.created_at ? span(Math.max(0, now - job.created_at)) : '–');
  say(row.cells[5], !time ? '–' : time > now ? `in ${span(time - now)}` : `${span(now - time)} ago`);
  say(row.cells[6], [job.code, job.error].filter((part) => part).join(': ') || '–');
}

function drawList() {
  const wanted = $('jobs-search').value.trim().toLowerCase();
  const page = list.page;
  if (!page) return;
  const shown = wanted ? page.jobs.filter((job) => matches(job, wanted)) : page.jobs;
  const place = STATES[$('jobs-state').value].place;
  say($('jobs-time'), TIMES[place]);
  fill($('jobs-table').tBodies[0], shown, newJobRow, fillJobRow);
  show($('jobs-table'), shown.length > 0);
  show($('jobs-next'), page.next !== '');
  show($('jobs-first'), list.cursor !== '');
  say($('jobs-note'), listNote(page, shown, wanted, place));
}

function listNote(page, shown, wanted, place) {
  if (wanted && page.jobs.length > 0) return `${jobs(shown.length)} of ${page.jobs.length} on this page match. “Open by id” finds any job of the queue.`;
  if (page.jobs.length > 0) return page.next ? `${page.jobs.length} jobs on this page; there are more.` : `${jobs(page.jobs.length)}.`;
  const queue = view && view.queues.find((one) => one.name === $('jobs-queue').value);
  if (place === 'ready' && queue && queue.unclaimed > 0) return `None. ${jobs(queue.unclaimed)} not claimed yet: choose that state to see them.`;
  if (place === 'due' && queue && $('jobs-state').value === 'held' && heldOf(queue) > 0) return `None waits for a time. ${jobs(heldOf(queue))} held in the line: choose “ready” to see them.`;
  return page.next ? 'None among those looked at; the next page looks further.' : 'None.';
}

async function loadList() {
  if (!$('jobs-queue').value) return true;
  try {
    list.page = await call(listPath());
    drawList();
    return true;
  } catch (problem) {
    say($('jobs-note'), `The jobs cannot be listed: ${problem.message}.`);
    if (problem.status === 403 || problem.status === 401) show($('jobs-table'), false);
    return false;
  }
}

const listPoll = new Poll(10000, () => (list.cursor || document.visibilityState === 'hidden' ? true : loadList()));

function newList() {
  list.cursor = '';
  list.page = null;
  listPoll.soon();
}

/* ---- one job ---- */

function nextSentence(job, now) {
  const state = job.fields.state, next = Number(job.fields.next_at);
  const when = next > now ? ` in ${span(next - now)}` : ' at once';
  if (job.record && job.record.uncertain && state !== 'unknown') return 'Whether the gateway took it is not known yet. The journal, a guarded retry or a delivery report may tell; your word settles it now.';
  if (state === 'unknown') return 'It may or may not have been sent, and nothing could tell. It waits for your word.';
  if (state === 'scheduled') return `Its delay ends${when}.`;
  if (state === 'retrying') return `It is tried again${when}.`;
  if (state === 'held') return `It waits: ${String(job.fields.reason || '').replaceAll('_', ' ')}. It goes on when the cause is gone${next > now ? `, and is looked at${when}` : ''}.`;
  if (state === 'sending') return 'A worker has it in hand.';
  if (state === 'sent') return 'The gateway accepted it. It is done.';
  return FINAL.includes(state) ? 'It has ended.' : '';
}

function historyOf(job) {
  const found = job.events.filter((event) => !event.delivery).map((event) => ({ at: Number(event.at), what: event.state + (event.reason ? `, ${event.reason.replaceAll('_', ' ')}` : ''),
    more: [Number(event.attempts) > 0 ? `after ${event.attempts === '1' ? '1 try' : `${event.attempts} tries`}` : '', Number(event.code) > 0 ? `code ${event.code}` : ''].filter((part) => part).join(', ') }));
  for (const entry of job.audit) found.push({ at: Number(entry.at), what: entry.what, more: `by ${entry.who}${entry.before ? `: ${entry.before} → ${entry.after}` : ''}` });
  const fields = job.fields;
  const known = (at, what, more) => { if (Number(at) > 0) found.push({ at: Number(at), what, more: more || '' }); };
  known(fields.created_at, 'created');
  if (job.record) known(job.record.started_at, 'handed to the gateway', 'the last try');
  if (job.record) known(job.record.uncertain_since, 'answer lost', 'uncertain from here on');
  known(fields.sent_at, 'accepted', fields.confirmed_by ? `confirmed by ${fields.confirmed_by}` : '');
  const way = (fields.delivery_path || '').split(',').map((step) => step.split('@')).filter((step) => step.length === 2);
  for (const [word, at] of way) known(at, `delivery: ${word}`);
  for (const event of way.length === 0 ? job.events.filter((one) => one.delivery) : []) known(event.at, `delivery: ${event.delivery}`, event.message_id ? `message ${event.message_id}` : '');
  if (!way.some((step) => step[0] === fields.delivery)) known(fields.delivered_at, `delivery: ${fields.delivery || 'reported'}`);
  if (job.events.length === 0) known(fields.updated_at, fields.state, 'the last change');
  return found.sort((a, b) => b.at - a.at);
}

function drawRecipients(job) {
  let recipients = [];
  try {
    recipients = JSON.parse(job.fields.recipients || '[]');
  } catch (unused) {
    recipients = [];
  }
  show($('recipients'), Array.isArray(recipients) && recipients.length > 0);
  if (!Array.isArray(recipients)) return;
  fill($('recipients').querySelector('tbody'), recipients, () => rowOf(['', '', '', ''], true), (row, one) => {
    const result = one.success === true ? `accepted${one.delivery ? `, ${one.delivery}` : ''}` : one.success === false ? 'refused' : 'success' in one ? 'not known' : 'not sent yet';
    cells(row, [String(one.recipient), result, String(one.code ?? '–'), String(one.id ?? one.error ?? '–')]);
  });
}

function drawActions(job) {
  const state = job.fields.state;
  const uncertain = state === 'unknown' || (job.record && job.record.uncertain);
  const waits = ['retrying', 'held', 'scheduled'].includes(state);
  const wanted = !view || !view.admin ? [] : [
    waits && state !== 'scheduled' && !uncertain ? ['retry', 'Retry now'] : null,
    waits ? ['cancel', 'Cancel'] : null,
    uncertain ? ['sent', 'Resolve: was sent'] : null,
    uncertain ? ['failed', 'Resolve: was not'] : null,
    uncertain ? ['resend', 'Resolve: send again'] : null,
  ].filter((one) => one);
  const box = $('panel-actions');
  if (box.dataset.wanted === wanted.join()) return;
  box.dataset.wanted = wanted.join();
  box.replaceChildren(...wanted.map(([word, text]) => button(text, '', () => jobChange(word, text))));
}

function drawJob(job) {
  const now = view ? view.at : Date.now();
  panel.job = job;
  say($('panel-title'), job.id);
  say($('panel-state'), `${stateText({ state: job.fields.state || 'not known', reason: job.fields.reason, uncertain: job.record && job.record.uncertain })} in ${job.queue}. ${nextSentence(job, now)}`);
  mark($('panel-state'), 'state', job.record && job.record.uncertain ? 'uncertain' : job.fields.state || '');
  drawActions(job);
  describe($('panel-fields'), [['To', recipientText(job) || '–'], ...FIELDS.map(([name, title, time]) => {
    const value = job.fields[name];
    if (!value) return null;
    return [title, time ? `${at(Number(value), now)} (${Number(value) > now ? `in ${span(Number(value) - now)}` : `${span(now - Number(value))} ago`})` : value];
  }), job.record && job.record.recoveries > 0 ? ['Workers that lost it, in a row', count(job.record.recoveries)] : null,
  job.masked ? ['Masked', 'Numbers are shown to the administrator.'] : null]);
  drawRecipients(job);
  fill($('history'), historyOf(job), () => make('li', '', make('time'), make('strong'), make('span')), (item, entry) => {
    item.children[0].dateTime = new Date(entry.at).toISOString();
    say(item.children[0], at(entry.at, now));
    say(item.children[1], entry.what);
    say(item.children[2], entry.more);
  });
}

async function loadJob() {
  if ($('panel').hidden || document.visibilityState === 'hidden') return true;
  const { queue, id } = panel;
  try {
    const job = await call(`/api/v1/job?${new URLSearchParams({ queue, id })}`);
    if (queue === panel.queue && id === panel.id) drawJob(job);
    return true;
  } catch (problem) {
    if (queue !== panel.queue || id !== panel.id) return true;
    say($('panel-title'), id);
    say($('panel-state'), `Not shown: ${problem.message}.`);
    if (problem.status === 404) {
      panel.job = null;
      $('panel-actions').replaceChildren();
      $('panel-actions').dataset.wanted = '';
      $('history').replaceChildren();
      $('panel-fields').replaceChildren();
    }
    return problem.status === 404;
  }
}

const jobPoll = new Poll(2000, loadJob);

function openJob(queue, id, from) {
  panel.queue = queue;
  panel.id = id;
  panel.from = from || null;
  say($('panel-title'), id);
  say($('panel-state'), 'Looking …');
  show($('panel'), true);
  document.body.classList.add('with-panel');
  jobPoll.soon();
  $('panel-title').focus();
}

function closeJob() {
  if ($('panel').hidden) return;
  show($('panel'), false);
  document.body.classList.remove('with-panel');
  if (panel.from && panel.from.isConnected) panel.from.focus();
  else $('jobs-search').focus();
}

const JOB_WORDS = {
  retry: ['retry', {}, 'It is tried within seconds; its tries so far keep counting.'],
  cancel: ['cancel', {}, 'It is never sent. If a request of it may have been taken, it ends as unknown, and you are asked for your word.'],
  sent: ['resolve', { word: 'sent' }, 'It ends as sent, confirmed by you.'],
  failed: ['resolve', { word: 'failed' }, 'It ends as failed, and is kept among the dead jobs.'],
  resend: ['resolve', { word: 'resend' }, 'It is sent again, whatever became of it. The recipient may get it twice.'],
};

function jobChange(word, text) {
  const [operation, body, consequence] = JOB_WORDS[word];
  const { queue, id } = panel;
  ask({ title: `${text}?`, text: `Job ${id} of queue ${queue}. ${consequence}`, yes: text,
    run: () => call(`/api/v1/job/${encodeURIComponent(queue)}/${encodeURIComponent(id)}/${operation}`, body), done: () => { jobPoll.soon(); listPoll.soon(); } });
}
