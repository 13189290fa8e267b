/* dashboard - the page in a real browser, against a real daemon, Redis and simulated gateway.
 *
 *   node dashboard.mjs BELLHOPD BELLHOP_SIM REDIS_SERVER CHROMIUM DIRECTORY
 *
 * Each step is a sentence; after each, the page must not have complained, nor talked to anybody but the daemon.  Screenshots go to
 * DIRECTORY, for people to look at. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Browser } from './browser.mjs';
import { Stage, TOKEN, until } from './stage.mjs';

const [, , daemon, sim, redis, chromium, out] = process.argv;
mkdirSync(out, { recursive: true });
const stage = new Stage({ daemon, sim, redis });
const browser = new Browser(chromium);
let tab = null;

const HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
const REFUSED = /status of 4\d\d/;

async function shot(name, full = true) {
  await tab.eval('window.scrollTo(0, 0)');
  writeFileSync(join(out, `${name}.png`), await tab.shot(full));
}

const cell = (queue, column) => `(() => {
  const row = [...document.querySelectorAll('#queues tbody tr')].find((one) => one.cells[0].innerText.startsWith(${JSON.stringify(queue)}));
  const at = [...document.querySelectorAll('#queues thead th')].findIndex((one) => one.innerText === ${JSON.stringify(column)});
  return row ? row.cells[at].innerText : null;
})()`;

async function open(queue, id) {
  await tab.eval(`(() => { document.querySelector('#jobs-queue').value = ${JSON.stringify(queue)}; document.querySelector('#jobs-queue').dispatchEvent(new Event('change'));
    document.querySelector('#jobs-search').value = ''; })()`);
  await tab.type('#jobs-search', id);
  await tab.clickText('Open by id');
  await tab.until(`document.querySelector('#panel-title').innerText === ${JSON.stringify(id)} && !/Looking/.test(document.querySelector('#panel-state').innerText)`);
}

async function close() {
  await tab.click('#panel-close');
  await tab.until('document.querySelector("#panel").hidden');
}

/* Press a button, see the question, say yes, read what became of it. */
async function change(within, text, yes, wanted, reason) {
  await tab.clickText(text, within);
  await tab.until('document.querySelector("#confirm").open');
  if (reason !== undefined) await tab.type('#confirm-reason', reason);
  await tab.clickText(yes, '#confirm');
  await tab.until('!document.querySelector("#confirm").open');
  await tab.until(`document.querySelector('#toast').innerText.includes(${JSON.stringify(wanted)})`);
}

const verdict = (pattern) => tab.until(`(${pattern}).test(document.querySelector('#verdict').innerText)`);

/* An answer that is lost: the gateway takes the message and hangs up. */
async function lose(queue, id, to, state) {
  await stage.sim('fault', { kind: 'drop', at: 'after', count: 1, match: { foreign_id: id } });
  await stage.push(queue, { id, to, text: `may be lost: ${id}`, foreign_id: id });
  await stage.waitState(queue, id, state);
}

async function choose(queue, state) {
  await tab.eval(`(() => { for (const [id, value] of [['jobs-queue', ${JSON.stringify(queue)}], ['jobs-state', ${JSON.stringify(state)}]]) {
    const select = document.getElementById(id); select.value = value; select.dispatchEvent(new Event('change')); } document.querySelector('#jobs-search').value = ''; })()`);
}

/* ---- the steps ---- */

const steps = [];
const step = (name, run) => steps.push({ name, run });

step('the page loads, and says that all is well', async () => {
  await tab.go('/');
  await tab.until('document.querySelector("#pulse-text").innerText === "live"');
  await verdict(/All is well/);
  await tab.until(`${cell('sms', 'State')} === 'idle'`);
  assert.equal(await tab.eval('document.querySelectorAll("#queues tbody tr").length'), 3);
  assert.match(await tab.text('#where'), /night-1/);
});

step('a job moves through its states before the eyes', async () => {
  await stage.push('sms', { id: 'traveller', to: '+491701234567', text: 'on my way', delay: '+4s' });
  await stage.waitState('sms', 'traveller', 'scheduled');
  await open('sms', 'traveller');
  await stage.sim('fault', { kind: 'delay', ms: 4000, count: 1, path: '/api/sms' });
  const seen = new Set();
  await until('the traveller to arrive', async () => {
    seen.add(((await tab.text('#panel-state')).match(/^[a-z]+/) || [''])[0]);
    return seen.has('sent');
  });
  assert.deepEqual([...seen], ['scheduled', 'sending', 'sent']);
  const text = await tab.text('#panel');
  assert.match(text, /49\*+567/, 'a stranger sees no number');
  assert.doesNotMatch(text, /1701234567/);
  assert.match(await tab.text('#history'), /scheduled/);
  await close();
  await stage.sim('unfault', {});
});

step('strangers see no buttons that change anything', async () => {
  assert.equal(await tab.eval('[...document.querySelectorAll("#queue-actions button, #account-actions button, #panel-actions button")].length'), 0);
});

step('a wrong token is told, and the right one is taken', async () => {
  tab.allowed = [REFUSED];
  await tab.click('#login');
  await tab.until('document.querySelector("#token").open');
  await tab.type('#token-value', 'let me in');
  await tab.clickText('Enter', '#token');
  await tab.until('/not the administrator/.test(document.querySelector("#token-problem").innerText)');
  await tab.eval('document.querySelector("#token-value").value = ""');
  await tab.type('#token-value', TOKEN);
  await tab.clickText('Enter', '#token');
  await tab.until('!document.querySelector("#token").open');
  await tab.until('!document.querySelector("#role").hidden');
  assert.equal(await tab.eval('document.querySelector("#token-value").value'), '', 'the form keeps no token');
});

step('a queue is paused and goes on', async () => {
  await change('#queue-actions', 'Pause queue', 'Pause', 'the queue is paused', `lunch ${HOSTILE}`);
  await verdict(/Queue sms has been paused for/);
  await stage.push('sms', { id: 'patient', to: '+491701234568', text: 'waiting' });
  await tab.until(`${cell('sms', 'Ready')} === '1'`);
  assert.match(await tab.text('#verdict'), /lunch <img src=x/, 'a reason is shown as it was written');
  await choose('sms', 'unclaimed');
  await tab.until('/^patient/.test(document.querySelector("#jobs-table tbody").innerText)');
  await tab.clickText('Resume queue', '#queue-actions');
  await tab.until('document.querySelector("#confirm").open');
  await tab.clickText('Leave it', '#confirm');
  await tab.until('!document.querySelector("#confirm").open');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(await stage.state('sms', 'patient'), '', 'who leaves it changes nothing');
  await change('#queue-actions', 'Resume queue', 'Resume', 'the queue goes on');
  await stage.waitState('sms', 'patient', 'sent');
  await verdict(/All is well/);
});

step('the account is paused and goes on', async () => {
  await change('#account-actions', 'Pause account', 'Pause', 'the account is paused', 'wrong price');
  await verdict(/account was paused by hand[\s\S]*wrong price, by dashboard 127\.0\.0\.1/);
  await change('#account-actions', 'Resume account', 'Resume', 'the account is open');
  await verdict(/All is well/);
});

step('a waiting job is cancelled', async () => {
  await stage.push('sms', { id: 'tomorrow', to: '+491701234569', text: 'not today', delay: '+1d' });
  await stage.waitState('sms', 'tomorrow', 'scheduled');
  await open('sms', 'tomorrow');
  assert.match(await tab.text('#panel-fields'), /491701234569/, 'the administrator sees numbers');
  await change('#panel-actions', 'Cancel', 'Cancel', 'it is cancelled');
  await tab.until('/^cancelled/.test(document.querySelector("#panel-state").innerText)');
  await tab.until('/by dashboard 127/.test(document.querySelector("#history").innerText)');
  assert.equal(await stage.state('sms', 'tomorrow'), 'cancelled');
  await close();
});

step('a job that waits for its next try is tried at once', async () => {
  await stage.sim('fault', { kind: 'code', code: 600, count: 1, match: { foreign_id: 'again' } });
  await stage.push('sms', { id: 'again', to: '+491701234570', text: 'try again', foreign_id: 'again', retry: '1h*' });
  await stage.waitState('sms', 'again', 'retrying');
  await open('sms', 'again');
  await change('#panel-actions', 'Retry now', 'Retry now', 'it is tried within seconds');
  await stage.waitState('sms', 'again', 'sent');
  await tab.until('/^sent/.test(document.querySelector("#panel-state").innerText)');
  await close();
});

step('a job whose answer was lost is resolved by each word', async () => {
  await lose('sms', 'lost-1', '+491701234571', 'unknown');
  await lose('sms', 'lost-2', '+491701234572', 'unknown');
  await stage.sim('config', { lock: { enabled: false } });
  await lose('marketing', 'lost-3', '+491701234573', 'retrying');
  await verdict(/Queue marketing has 1 job whose answer was lost/);
  await choose('sms', 'unknown');
  await tab.until('document.querySelectorAll("#jobs-table tbody tr").length === 2');
  const words = [['lost-1', 'Resolve: was sent', 'sent', 'unknown'], ['lost-2', 'Resolve: was not', 'failed', 'unknown'], ['lost-3', 'Resolve: send again', 'sent', 'uncertain']];
  for (const [id, text, state, before] of words) {
    if (id === 'lost-3') await choose('marketing', 'uncertain');
    await tab.clickText(id, '#jobs-table');
    await tab.until(`document.querySelector('#panel-title').innerText === '${id}' && /${before}/.test(document.querySelector('#panel-state').innerText)`);
    if (id === 'lost-3') await shot('panel-light', false);
    await change('#panel-actions', text, text, 'by your word');
    await stage.waitState(id === 'lost-3' ? 'marketing' : 'sms', id, state);
    await tab.until(`/^${state}/.test(document.querySelector('#panel-state').innerText)`);
    await close();
  }
  assert.equal((await stage.sim('stats?foreign_id=lost-3')).count, 2, 'it was sent again');
});

step('the list is searched, and its states are chosen', async () => {
  for (let i = 0; i < 120; i++) await stage.push('marketing', { id: `mail-${i}`, to: `+49172${1000000 + i}`, text: `offer ${i}`, delay: '+2h' });
  await stage.waitState('marketing', 'mail-119', 'scheduled');
  await tab.clickText('marketing', '#queues');
  await tab.eval('(() => { const select = document.querySelector("#jobs-state"); select.value = "scheduled"; select.dispatchEvent(new Event("change")); document.querySelector("#jobs-search").value = ""; })()');
  await tab.until('document.querySelectorAll("#jobs-table tbody tr").length === 100');
  await tab.click('#jobs-next');
  await tab.until('document.querySelectorAll("#jobs-table tbody tr").length === 20');
  await tab.click('#jobs-first');
  await tab.until('document.querySelectorAll("#jobs-table tbody tr").length === 100');
  await tab.type('#jobs-search', 'mail-7');
  await tab.until('[...document.querySelectorAll("#jobs-table tbody tr")].every((row) => row.innerText.includes("mail-7"))');
  tab.allowed = [REFUSED];
  await tab.eval('document.querySelector("#jobs-search").value = ""');
  await tab.type('#jobs-search', 'nobody');
  await tab.clickText('Open by id');
  await tab.until('/not known in this queue/.test(document.querySelector("#panel-state").innerText)');
  await close();
  await tab.eval('(() => { document.querySelector("#jobs-search").value = ""; })()');
});

step('what strangers wrote is text', async () => {
  const key = 'bellhop:{sms}:status:evil';
  await stage.redis('HSET', key, 'state', 'failed', 'to', HOSTILE, 'error', HOSTILE, 'first_error', HOSTILE, 'label', HOSTILE, 'meta', JSON.stringify({ a: HOSTILE }), 'reason', HOSTILE,
    'attempts', '1', 'created_at', '1700000000000', 'delivery', HOSTILE, 'recipients', JSON.stringify([{ recipient: HOSTILE, success: false, error: HOSTILE, code: HOSTILE }]));
  await stage.redis('XADD', 'bellhop:{sms}:audit', '*', 'who', HOSTILE, 'what', HOSTILE, 'id', 'evil', 'before', HOSTILE, 'after', '</ol></aside><h1>', 'at', '1700000000001');
  await stage.redis('XADD', 'bellhop:{sms}:events', '*', 'id', 'evil', 'state', HOSTILE, 'reason', HOSTILE, 'code', '9', 'attempts', '1', 'at', '1700000000002');
  await stage.redis('HSET', 'bellhop:{sms}:control', 'paused', '1', 'reason', HOSTILE, 'by', HOSTILE, 'since', '1700000000000');
  await stage.push('sms', { id: 'crooked', to: HOSTILE, text: HOSTILE });
  await tab.clickText('sms', '#queues');
  await open('sms', 'evil');
  await tab.until(`document.querySelector('#panel').innerText.includes(${JSON.stringify(HOSTILE)})`);
  await tab.until(`document.querySelector('#history').innerText.includes(${JSON.stringify(HOSTILE)})`);
  await tab.until(`document.querySelector('#recipients').innerText.includes(${JSON.stringify(HOSTILE)})`);
  await tab.until(`document.querySelector('#verdict').innerText.includes(${JSON.stringify(HOSTILE)})`);
  assert.equal(await tab.eval('document.images.length + document.scripts.length'), 1, 'the page has its one script and no picture');
  assert.equal(await tab.eval('window.hacked === undefined'), true);
  assert.equal(await tab.eval('document.querySelectorAll("aside h1, aside img, aside script").length'), 0);
  await close();
  await stage.redis('DEL', key);
  await stage.redis('HDEL', 'bellhop:{sms}:control', 'paused', 'reason', 'by', 'since');
  await stage.waitState('sms', 'crooked', 'failed');
});

step('everything is reached and left by the keyboard', async () => {
  await tab.eval('(() => { document.activeElement.blur(); window.scrollTo(0, 0); })()');
  await tab.go('/');
  await tab.until('document.querySelector("#pulse-text").innerText === "live" && document.querySelectorAll("#queues tbody tr").length === 3');
  const seen = [];
  for (let i = 0; i < 80; i++) {
    await tab.key('Tab');
    const name = await tab.eval('(() => { const one = document.activeElement; return one === document.body ? "" : one.id || one.className + " " + one.innerText.slice(0, 30); })()');
    if (name === '' || (name === seen[0] && i > 3)) break;
    seen.push(name);
    const outline = await tab.eval('(() => { const style = getComputedStyle(document.activeElement); return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0; })()');
    assert.ok(outline, `the focus is seen on ${name}`);
  }
  assert.match(seen[0], /skip/);
  for (const wanted of ['logout', 'jobs-queue', 'jobs-state', 'jobs-search']) assert.ok(seen.includes(wanted), `${wanted} is reached: ${seen.join(', ')}`);
  assert.ok(seen.length < 80, 'there is an end');
  await tab.eval('document.querySelector("#queue-actions button").focus()');
  await tab.key('Enter');
  await tab.until('document.querySelector("#confirm").open');
  await tab.key('Escape');
  await tab.until('!document.querySelector("#confirm").open');
  assert.ok(await tab.eval('document.activeElement === document.querySelector("#queue-actions button")'), 'the focus comes back');
  await tab.eval('(() => { const select = document.querySelector("#jobs-state"); select.value = "dead"; select.dispatchEvent(new Event("change")); })()');
  await tab.until('document.querySelector("#jobs-table tbody button")');
  await tab.eval('document.querySelector("#jobs-table tbody button").focus()');
  await tab.key('Enter');
  await tab.until('!document.querySelector("#panel").hidden && document.activeElement.id === "panel-title"');
  await tab.key('Escape');
  await tab.until('document.querySelector("#panel").hidden && document.activeElement.closest("#jobs-table")');
});

step('who cannot see is told the same', async () => {
  const wrongs = await tab.eval(`(() => {
    const wrongs = [], visible = (one) => one.getClientRects().length > 0;
    for (const one of document.querySelectorAll('input, select')) if (!one.labels || one.labels.length === 0) wrongs.push('no label: ' + one.id);
    for (const one of document.querySelectorAll('th')) if (!one.scope) wrongs.push('no scope: ' + one.innerText);
    for (const one of document.querySelectorAll('table')) if (!one.tHead && one.rows.length > 0) wrongs.push('no head: ' + one.id);
    for (const one of document.querySelectorAll('main svg')) if (one.getAttribute('aria-hidden') !== 'true') wrongs.push('a drawing is read out');
    for (const one of document.querySelectorAll('figure')) if (visible(one) && one.querySelector('.chart-svg') && one.querySelector('figcaption').innerText.trim() === '') wrongs.push('no words: ' + one.id);
    for (const one of document.querySelectorAll('button')) if (visible(one) && !(one.innerText.trim() || one.getAttribute('aria-label'))) wrongs.push('a button without a name');
    for (const one of document.querySelectorAll('[aria-labelledby]')) if (!document.getElementById(one.getAttribute('aria-labelledby'))) wrongs.push('no label ' + one.getAttribute('aria-labelledby'));
    const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrongs.push('twice: ' + id);
    if (document.querySelectorAll('h1').length !== 1 || document.querySelectorAll('main').length !== 1) wrongs.push('not one h1 and one main');
    if (document.querySelectorAll('[aria-live=polite]').length < 3) wrongs.push('changes are not told');
    return wrongs;
  })()`);
  assert.deepEqual(wrongs, []);
});

step('letters stand out in light and in dark', async () => {
  for (const dark of [false, true]) {
    await tab.look({ width: 1400, height: 1000, dark });
    const weak = await tab.eval(`(() => {
      const channel = (value) => { const c = value / 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; };
      const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number); return .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b); };
      const backOf = (one) => { for (; one; one = one.parentElement) { const color = getComputedStyle(one).backgroundColor; if (!/, 0\\)$/.test(color) && color !== 'transparent') return color; } return 'rgb(255, 255, 255)'; };
      const weak = [];
      for (const one of document.querySelectorAll('body *')) {
        if (one.getClientRects().length === 0 || ![...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || one.closest('svg') || one.disabled || one.closest('.skip, .toast')) continue;
        const a = light(getComputedStyle(one).color), b = light(backOf(one));
        const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (contrast < 4.5) weak.push(one.tagName + '.' + one.className + ' ' + one.innerText.slice(0, 20) + ' ' + contrast.toFixed(2));
      }
      return weak;
    })()`);
    assert.deepEqual(weak, [], dark ? 'dark' : 'light');
  }
});

step('it fits a phone, a tablet and a desk', async () => {
  for (const [name, width, height, dark] of [['desk-light', 1400, 1000, false], ['desk-dark', 1400, 1000, true], ['tablet-light', 820, 1100, false], ['phone-light', 390, 844, false], ['phone-dark', 390, 844, true], ['small-light', 360, 640, false]]) {
    await tab.look({ width, height, dark, mobile: width < 500 });
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.ok(await tab.eval(`document.documentElement.scrollWidth <= ${width}`), `${name}: nothing sticks out`);
    await shot(name);
  }
  await open('sms', 'again');
  assert.ok(await tab.eval('document.documentElement.scrollWidth <= 360'));
  await shot('phone-panel', false);
  await close();
  await tab.look({ width: 1400, height: 1000 });
});

step('a tab that nobody looks at asks rarely', async () => {
  await tab.eval('(() => { Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" }); document.dispatchEvent(new Event("visibilitychange")); })()');
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const before = tab.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 6000));
  assert.ok(tab.requests.length - before <= 1, `${tab.requests.length - before} requests in 6 s`);
  await tab.eval('(() => { delete document.visibilityState; document.dispatchEvent(new Event("visibilitychange")); })()');
  await until('it asks again', () => tab.requests.length > before + 2);
});

step('an account without credit is the first thing that is seen', async () => {
  await stage.sim('fault', { kind: 'code', code: 500, path: '/api/sms', count: -1 });
  await stage.push('sms', { id: 'poor', to: '+491701234599', text: 'no money' });
  await verdict(/The gateway account is out of credit/);
  await shot('credit-light', false);
  await tab.look({ width: 1400, height: 1000, dark: true });
  await shot('credit-dark', false);
  await tab.look({ width: 1400, height: 1000 });
  await stage.sim('unfault', {});
  await change('#account-actions', 'Resume account', 'Resume', 'the account is open');
  await stage.waitState('sms', 'poor', 'sent');
});

step('a gateway that is down is the first thing that is seen', async () => {
  await stage.sim('fault', { kind: 'status', status: 503, retry_after: 60, path: '/api/sms', count: -1 });
  for (let i = 0; i < 8; i++) await stage.push('sms', { id: `unheard-${i}`, to: `+4917012346${10 + i}`, text: `unheard ${i}` });
  await verdict(/The gateway asks for patience \(.*HTTP 503/);
  await shot('gateway-light', false);
  await stage.sim('unfault', {});
});

step('a Redis that is away is the first thing that is seen', async () => {
  tab.allowed = [/status of 503/];
  stage.signal('redis', 'SIGKILL');
  await verdict(/Redis cannot be asked/);
  await shot('redis-away-light', false);
  await stage.startRedis();
  await tab.until('!/Redis cannot be asked/.test(document.querySelector("#verdict").innerText)', 60000);
});

step('a daemon that does not answer is told with its time', async () => {
  tab.allowed = [/status of 503/];
  stage.signal('daemon', 'SIGSTOP');
  await tab.until('/no answer since/.test(document.querySelector("#pulse-text").innerText) && /No answer from bellhopd since/.test(document.querySelector("#verdict-what").innerText)', 60000);
  await shot('silent-light', false);
  stage.signal('daemon', 'SIGCONT');
  await tab.until('document.querySelector("#pulse-text").innerText === "live"', 90000);
});

step('a stranger on another machine is asked who he is', async () => {
  tab.allowed = [REFUSED];
  const own = await tab.eval(`sessionStorage.getItem('bellhop-admin-token')`);
  await tab.eval('sessionStorage.clear()');
  await tab.send('Network.setExtraHTTPHeaders', { headers: { 'X-Forwarded-For': '192.0.2.7' } });
  await tab.go('/');
  await verdict(/wants to know who asks[\s\S]*administrator/);
  assert.equal(await tab.eval('document.querySelectorAll("#queues tbody tr, #jobs-table tbody tr, #workers tbody tr").length'), 0, 'he sees nothing');
  await shot('stranger-light', false);
  await tab.click('#login');
  await tab.until('document.querySelector("#token").open');
  await tab.type('#token-value', own);
  await tab.clickText('Enter', '#token');
  await tab.until('!document.querySelector("#token").open && !document.querySelector("#role").hidden');
  await tab.until('document.querySelectorAll("#queues tbody tr").length === 3');
  await tab.send('Network.setExtraHTTPHeaders', { headers: {} });
});

step('a forgotten token leaves nothing behind', async () => {
  tab.allowed = [/status of 503/];
  await tab.click('#logout');
  await tab.until('document.querySelector("#role").hidden && document.querySelectorAll("#queue-actions button").length === 0');
  assert.equal(await tab.eval('sessionStorage.length + localStorage.length + document.cookie.length'), 0);
});

/* ---- running them ---- */

let failed = 0;
try {
  await stage.start();
  tab = await browser.tab(stage.origin);
  await tab.look({ width: 1400, height: 1000 });
  for (const { name, run } of steps) {
    const began = Date.now();
    tab.wrongs = [];
    tab.allowed = [];
    try {
      await run();
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.deepEqual(tab.wrongs, [], 'the page complained');
      console.log(`ok - ${name} (${Date.now() - began} ms)`);
    } catch (problem) {
      failed++;
      console.log(`not ok - ${name}\n${problem.stack}`);
      await shot(`failed-${failed}`).catch(() => {});
      break;
    }
  }
} catch (problem) {
  failed++;
  console.log(`not ok - the stage\n${problem.stack}`);
} finally {
  if (failed > 0) console.log(stage.log());
  await browser.close();
  const wrong = await stage.stop();
  if (wrong) {
    failed++;
    console.log(`not ok - ${wrong}\n${stage.log()}`);
  }
}
console.log(failed === 0 ? `${steps.length} steps passed` : 'failed');
process.exit(failed === 0 ? 0 : 1);
