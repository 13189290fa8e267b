/* trouble.test - which sentence stands at the top: src/http/dashboard/trouble.js by itself, without a browser. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import vm from 'node:vm';

const page = new URL('../../src/http/dashboard/', import.meta.url);
const context = vm.createContext({ Intl, Date, Math, Number, Object, String });
for (const name of ['text.js', 'trouble.js']) vm.runInContext(readFileSync(new URL(name, page), 'utf8'), context);
const run = (expression, view) => { context.view = view; return JSON.parse(vm.runInContext(`JSON.stringify(${expression})`, context)); };

const NOW = 1700000000000;

function queue(more) {
  return { name: 'sms', known: true, ready: 0, scheduled: 0, retrying: 0, held: {}, inflight: 0, uncertain: 0, suspects: 0, dead: 0, waiting: 0, oldest_ms: 0, warning: null, paused: false,
    reason: '', by: '', since: null, outcomes_h: {}, codes: { m1: {}, m15: {}, m60: {} }, ...more };
}

function worker(more) {
  return { number: 0, turned_ms_ago: 400, store_up: true, breaker_open: false, ...more };
}

function view(more, firstQueue) {
  return { at: NOW, instance: 'a', workers_started: true, loops_turn: true, redis: { up: true, trouble: '', answered_ms_ago: 500 },
    account: { known: true, state: 'open', reason: '', code: 0, text: '', since: null, balance: '54', low_balance: '0' }, queues: [queue(firstQueue)],
    processes: [{ instance: 'a', alive: true, state: 'running', reported_at: NOW, workers: [worker()] }], ...more };
}

const paused = (reason, more) => ({ account: { known: true, state: 'paused', reason, code: 0, text: 'so it is', since: NOW - 60000, balance: '0', low_balance: '0', ...more } });
const workers = (...list) => ({ processes: [{ instance: 'a', alive: true, state: 'running', reported_at: NOW, workers: list }] });

const rows = [
  ['all is well', view(), null, null],
  ['Redis is away', view({ redis: { up: false, trouble: 'connection refused', answered_ms_ago: 90000 } }), 'bad', /Redis is away/],
  ['and goes before all else', view({ redis: { up: false, trouble: 'x', answered_ms_ago: null }, ...paused('credit') }), 'bad', /Redis is away/],
  ['Redis is full', view({ redis: { up: true, trouble: 'OOM command not allowed', answered_ms_ago: 1 } }), 'bad', /Redis does not do/],
  ['no credit', view(paused('credit')), 'bad', /no credit/],
  ['the key is refused', view(paused('auth', { code: 900 })), 'bad', /refuses our key/],
  ['an operator paused it', view(paused('paused')), 'bad', /paused by an operator/],
  ['a reason that we do not know', view(paused('<b>')), 'bad', /paused \(<b>\)/],
  ['a trial', view(paused('credit', { state: 'trial' })), 'warn', /one job tries it/],
  ['an account that was not read', view({ account: { known: false, state: 'unknown' } }), null, null],
  ['low balance', view({ account: { known: true, state: 'open', balance: '9.5', low_balance: '10' } }), 'warn', /balance is low/],
  ['no low balance is set', view({ account: { known: true, state: 'open', balance: '-1', low_balance: '0' } }), null, null],
  ['the gateway is down', view(workers(worker({ breaker_open: true }))), 'bad', /gateway is down/],
  ['down for some', view(workers(worker({ breaker_open: true }), worker({ number: 1 }))), 'warn', /1 of 2 workers/],
  ['a worker hangs', view(workers(worker({ turned_ms_ago: 20000 }))), 'bad', /Worker 0 of a hangs/],
  ['a worker without Redis', view(workers(worker({ store_up: false }))), 'warn', /no connection to Redis/],
  ['no worker', view({ workers_started: false, processes: [{ instance: 'a', alive: true, state: 'running', workers: [] }] }), 'bad', /No worker runs/],
  ['a process that fell silent', view({ processes: [{ instance: 'a', alive: true, state: 'running', workers: [worker()] }, { instance: 'b', alive: false, reported_at: NOW - 60000, workers: [worker({ breaker_open: true })] }] }), 'warn', /b has not reported/],
  ['a process that drains', view({ processes: [{ instance: 'a', alive: true, state: 'draining', workers: [worker()] }] }), 'info', /draining/],
  ['a paused queue', view({}, { paused: true, reason: 'lunch', by: 'eve', since: NOW }), 'warn', /Queue sms is paused/],
  ['a slow queue', view({}, { warning: 'too slow' }), 'bad', /too slow/],
  ['an old job', view({}, { oldest_ms: 3600000 }), 'warn', /waits for 1 h/],
  ['an old job of a paused queue', view({}, { oldest_ms: 3600000, paused: true }), 'warn', /paused/],
  ['a young one', view({}, { oldest_ms: 60000 }), null, null],
  ['uncertain ones', view({}, { uncertain: 3 }), 'warn', /3 jobs of sms may or may not/],
  ['unknown ones', view({}, { outcomes_h: { unknown: 1, sent: 9 } }), 'warn', /1 job of sms ended unknown/],
  ['failed ones', view({}, { outcomes_h: { failed: 2, expired: 1 } }), 'warn', /3 jobs of sms ended unsent/],
  ['cancelled ones are no trouble', view({}, { outcomes_h: { cancelled: 2, duplicate: 1, sent: 5 } }), null, null],
  ['a suspect', view({}, { suspects: 1 }), 'warn', /ended a worker/],
];

for (const [name, picture, level, what] of rows) {
  test(name, () => {
    const found = run('troubles(view)', picture);
    if (level === null) {
      assert.deepEqual(found, []);
    } else {
      assert.equal(found[0].level, level);
      assert.match(found[0].what, what);
    }
    assert.match(run('wellSentence(view)', picture), /nothing is stuck/);
  });
}

test('the worst stands first', () => {
  const found = run('troubles(view)', view(workers(worker({ breaker_open: true })), { paused: true, uncertain: 1 }));
  assert.deepEqual(found.map((one) => one.level), ['bad', 'warn', 'warn']);
});

test('times are told as people tell them', () => {
  const told = { 0: '0 s', 400: '< 1 s', 1000: '1 s', 59999: '59 s', 60000: '1 min', 125000: '2 min 5 s', 3600000: '1 h', 7500000: '2 h 5 min', 90000000: '1 d 1 h', 1728000000: '20 d' };
  for (const ms of Object.keys(told)) assert.equal(run(`span(${ms})`, null), told[ms]);
  assert.equal(run('span(null)', null), '–');
});
