'use strict';
/* trouble - what is stuck and why, in sentences, from the overview alone: the worst first.  Pure. */

const HANGING_MS = 10000;
const OLD_MS = 15 * 60000;
const WORST = { bad: 0, warn: 1, info: 2 };

function sum(queues, of) {
  return queues.reduce((total, queue) => total + of(queue), 0);
}

function heldOf(queue) {
  return Object.values(queue.held).reduce((total, value) => total + value, 0);
}

function waitingIn(queues) {
  return sum(queues, (queue) => queue.waiting + queue.retrying + heldOf(queue));
}

function redisTrouble(view) {
  if (view.redis.up && !view.redis.trouble) return [];
  const since = view.redis.answered_ms_ago === null ? null : view.at - view.redis.answered_ms_ago;
  if (!view.redis.up) {
    return [{ level: 'bad', what: 'Redis is away: nothing is claimed, and no figure below is new.', why: view.redis.trouble, since,
      todo: 'Bring Redis back, or look at [redis] url and the network. Jobs stay where they are; sending goes on by itself.' }];
  }
  return [{ level: 'bad', what: 'Redis does not do what it is asked.', why: view.redis.trouble, since,
    todo: 'Look at its memory, its role and its log; bellhop doctor names the line to change.' }];
}

const PAUSES = {
  credit: ['The account has no credit: nothing is sent.', 'Top up the account; it is tried again by itself, or at once with Resume.'],
  auth: ['The gateway refuses our key: nothing is sent.', 'Put a valid key into [gateway] api_key and reload; check rights and allowed addresses of the key.'],
  paused: ['The account was paused by an operator: nothing is sent.', 'Resume it when the cause is gone.'],
};

function accountTrouble(view) {
  const account = view.account;
  if (!account.known || account.state === 'open') return lowBalance(account);
  const words = PAUSES[account.reason] || [`The account is paused (${account.reason}): nothing is sent.`, 'Resume it when the cause is gone.'];
  const waiting = waitingIn(view.queues);
  const why = [account.text, account.code ? `code ${account.code}` : '', `${jobs(waiting)} waiting`].filter((part) => part).join(', ');
  if (account.state === 'trial') {
    return [{ level: 'warn', what: 'The account was paused, and one job tries it now.', why, since: account.since, todo: 'Nothing: all go on when it gets through.' }];
  }
  return [{ level: 'bad', what: words[0], why, since: account.since, todo: words[1] }];
}

function lowBalance(account) {
  if (!account.known || account.balance === null || Number(account.low_balance) <= 0 || Number(account.balance) > Number(account.low_balance)) return [];
  return [{ level: 'warn', what: `The balance is low: ${account.balance}.`, why: `[gateway] low_balance is ${account.low_balance}`, since: null, todo: 'Top up the account.' }];
}

function workersOf(view) {
  const all = [];
  for (const process of view.processes) {
    if (process.alive) for (const worker of process.workers) all.push({ process, worker });
  }
  return all;
}

function gatewayTrouble(view) {
  const all = workersOf(view);
  const open = all.filter((row) => row.worker.breaker_open);
  if (open.length === 0) return [];
  const held = sum(view.queues, (queue) => queue.held.gateway_down || 0);
  const whole = open.length === all.length;
  return [{ level: whole ? 'bad' : 'warn', what: whole ? 'The gateway is down or cannot be reached.' : `The gateway cannot be reached by ${open.length} of ${all.length} workers.`,
    why: `${jobs(held)} held for it; it is tried again with growing distance`, since: null,
    todo: 'Look at the network and at the gateway\'s status page; no attempt is used up meanwhile.' }];
}

function workerTrouble(view) {
  const found = [];
  const all = workersOf(view);
  if (!view.workers_started && all.length === 0) {
    return [{ level: 'bad', what: 'No worker runs.', why: `this process waits for the instance's name, ${view.instance}`, since: null,
      todo: 'If another bellhopd has the same [pool] instance, give one of them another name.' }];
  }
  for (const { process, worker } of all) {
    if (worker.turned_ms_ago > HANGING_MS) {
      found.push({ level: 'bad', what: `Worker ${worker.number} of ${process.instance} hangs.`, why: `its loop has not turned for ${span(worker.turned_ms_ago)}`, since: null,
        todo: 'The service manager restarts it; if not, restart bellhopd there and keep its log.' });
    } else if (!worker.store_up && view.redis.up) {
      found.push({ level: 'warn', what: `Worker ${worker.number} of ${process.instance} has no connection to Redis.`, why: '', since: null, todo: 'See its log.' });
    }
  }
  for (const process of view.processes) {
    if (!process.alive) {
      found.push({ level: 'warn', what: `${process.instance} has not reported.`, why: 'it was killed, or cut off from Redis', since: process.reported_at,
        todo: 'Look at that host; what it had in hand is taken over when its leases run out.' });
    } else if (process.state === 'draining') {
      found.push({ level: 'info', what: `${process.instance} is draining.`, why: 'it claims nothing more', since: null, todo: '' });
    }
  }
  return found;
}

function queueTrouble(view, queue) {
  const found = [];
  const name = queue.name;
  if (queue.paused) {
    found.push({ level: 'warn', what: `Queue ${name} is paused.`, why: [queue.reason, queue.by ? `by ${queue.by}` : '', `${jobs(queue.waiting)} waiting`].filter((part) => part).join(', '),
      since: queue.since, todo: 'Resume it when the cause is gone.', queue: name });
  }
  if (queue.warning) found.push({ level: 'bad', what: `Queue ${name} is too slow.`, why: queue.warning, since: null, todo: 'Find out what holds it up, start more workers, or raise its rate.', queue: name });
  else if (queue.oldest_ms > OLD_MS && !queue.paused) found.push({ level: 'warn', what: `The oldest job of ${name} waits for ${span(queue.oldest_ms)}.`, why: `${jobs(queue.waiting)} could run now`, since: null, todo: 'Look at rates and at the answers of the gateway below.', queue: name });
  if (queue.uncertain > 0) found.push({ level: 'warn', what: `${jobs(queue.uncertain)} of ${name} may or may not have been sent.`, why: 'answers were lost', since: null, todo: 'Most are cleared up by themselves; what stays is yours to resolve.', queue: name, place: 'uncertain' });
  const outcomes = queue.outcomes_h;
  if (outcomes.unknown > 0) found.push({ level: 'warn', what: `${jobs(outcomes.unknown)} of ${name} ended unknown within the hour.`, why: 'nothing could tell whether they were sent', since: null, todo: 'Resolve each: sent, failed, or send again.', queue: name, place: 'unknown' });
  const ended = ['failed', 'expired', 'invalid'].filter((word) => outcomes[word] > 0);
  const number = ended.reduce((total, word) => total + outcomes[word], 0);
  if (number > 0) found.push({ level: 'warn', what: `${jobs(number)} of ${name} ended unsent within the hour.`, why: ended.map((word) => `${count(outcomes[word])} ${word}`).join(', '), since: null,
    todo: 'Why stands in the list of dead jobs; expired ones are known by id alone.', queue: name, place: 'dead' });
  if (queue.suspects > 0) found.push({ level: 'warn', what: `${jobs(queue.suspects)} of ${name} ended a worker, and is tried apart.`, why: '', since: null, todo: '', queue: name, place: 'suspects' });
  return found;
}

function troubles(view) {
  const found = [...redisTrouble(view), ...accountTrouble(view), ...workerTrouble(view), ...gatewayTrouble(view)];
  for (const queue of view.queues) found.push(...queueTrouble(view, queue));
  return found.map((trouble, index) => [trouble, index]).sort((a, b) => WORST[a[0].level] - WORST[b[0].level] || a[1] - b[1]).map((pair) => pair[0]);
}

function wellSentence(view) {
  const sending = sum(view.queues, (queue) => queue.inflight);
  const waiting = sum(view.queues, (queue) => queue.ready + queue.scheduled + queue.retrying + heldOf(queue));
  return waiting + sending === 0 ? 'Nothing waits, nothing is stuck.' : `${jobs(waiting)} wait, ${count(sending)} in flight, nothing is stuck.`;
}
