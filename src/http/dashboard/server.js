'use strict';
/* server - asking bellhopd: one request at a time of each kind, with an end, and never anybody else. */

const TIMEOUT_MS = 8000;
const TOKEN_KEY = 'bellhop-admin-token';

let token = sessionStorage.getItem(TOKEN_KEY) || '';

function keepToken(value) {
  token = value;
  if (value) sessionStorage.setItem(TOKEN_KEY, value);
  else sessionStorage.removeItem(TOKEN_KEY);
}

class Refusal extends Error {
  constructor(status, text, retryAfter) {
    super(text);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/* Any text may be typed as a token; a header takes visible ASCII alone, and ours are compared byte by byte. */
function asHeader(value) {
  return unescape(encodeURIComponent(value));
}

async function call(path, body, withToken) {
  const headers = {};
  const shown = withToken === undefined ? token : withToken;
  if (shown) headers.Authorization = `Bearer ${asHeader(shown)}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), TIMEOUT_MS);
  try {
    const answer = await fetch(path, { method: body === undefined ? 'GET' : 'POST', headers, body: body === undefined ? undefined : JSON.stringify(body),
      signal: aborter.signal, cache: body === undefined ? 'no-cache' : 'no-store', credentials: 'omit', redirect: 'error' });
    const text = await answer.text();
    let value = null;
    try {
      value = JSON.parse(text);
    } catch (unused) {
      throw new Refusal(answer.status, 'the answer is not ours', 0);
    }
    if (!answer.ok) throw new Refusal(answer.status, value.error || `status ${answer.status}`, Number(answer.headers.get('Retry-After')) || 0);
    return value;
  } finally {
    clearTimeout(timer);
  }
}

/* Asks again and again: `every` ms apart while it goes well, and further and further apart while it does not. */
class Poll {
  constructor(every, ask) {
    this.every = every;
    this.ask = ask;
    this.failures = 0;
    this.timer = 0;
    this.running = false;
    this.again = false;
  }

  soon() {
    clearTimeout(this.timer);
    if (this.running) this.again = true;
    else this.turn();
  }

  async turn() {
    this.running = true;
    this.again = false;
    try {
      this.failures = (await this.ask()) === false ? this.failures + 1 : 0;
    } catch (unused) {
      this.failures++;
    }
    this.running = false;
    if (this.again) {
      this.turn();
      return;
    }
    const hidden = document.visibilityState === 'hidden' ? 15 : 1;
    const wait = Math.min(this.every * hidden * 2 ** Math.min(this.failures, 4), 60000);
    this.timer = setTimeout(() => this.turn(), wait * (0.9 + Math.random() * 0.2));
  }
}
