/* browser - a headless Chromium over its own debugging pipe: no package, no port, no download.
 *
 * What the page did wrong is gathered all the time and looked at by the test: errors on its console, exceptions, violations of
 * its policy, requests to anywhere but the one origin that it may talk to. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ANSWER_MS = 20000;

export class Browser {
  constructor(program) {
    this.dir = mkdtempSync(join(tmpdir(), 'bellhop-browser-'));
    const options = ['--headless=new', '--remote-debugging-pipe', `--user-data-dir=${this.dir}`, '--no-first-run', '--disable-gpu', '--disable-quic',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps', '--disable-extensions', '--disable-dev-shm-usage',
      '--no-default-browser-check', '--password-store=basic', '--hide-scrollbars', '--force-color-profile=srgb'];
    /* Its sandbox takes an ordinary user; in a container the tests may run as root. */
    if (process.getuid() === 0) options.push('--no-sandbox');
    this.process = spawn(program, [...options, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
    this.process.stderr.on('data', (bytes) => { this.log = ((this.log || '') + bytes).slice(-4000); });
    this.number = 0;
    this.open = new Map();
    this.listeners = [];
    this.rest = '';
    this.process.stdio[4].setEncoding('utf8');
    this.process.stdio[4].on('data', (text) => this.read(text));
    this.process.stdio[3].on('error', () => {});
    this.ended = new Promise((resolve) => { this.process.on('close', resolve); this.process.on('error', resolve); });
    this.ended.then(() => { for (const one of this.open.values()) one.reject(new Error(`Chromium has ended: ${this.log}`)); });
  }

  read(text) {
    this.rest += text;
    const parts = this.rest.split('\0');
    this.rest = parts.pop();
    for (const part of parts) {
      const message = JSON.parse(part);
      const one = this.open.get(message.id);
      if (one) {
        this.open.delete(message.id);
        if (message.error) one.reject(new Error(`${one.method}: ${message.error.message}`));
        else one.resolve(message.result);
      } else {
        for (const listener of this.listeners) listener(message);
      }
    }
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.number;
    const answer = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer of Chromium; ${this.log}`)), ANSWER_MS);
      const end = (how) => (value) => { clearTimeout(timer); how(value); };
      this.open.set(id, { method, resolve: end(resolve), reject: end(reject) });
    });
    this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + '\0');
    return answer;
  }

  async close() {
    await this.send('Browser.close').catch(() => {});
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000);
    await this.ended;
    clearTimeout(timer);
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /* A tab, before it has gone anywhere.  `origin` is all that it may talk to. */
  async tab(origin) {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, sessionId, origin);
    this.listeners.push((message) => { if (message.sessionId === sessionId) tab.hear(message); });
    for (const domain of ['Page', 'Runtime', 'Network', 'Log', 'Audits']) await tab.send(`${domain}.enable`);
    return tab;
  }
}

export class Tab {
  constructor(browser, sessionId, origin) {
    this.browser = browser;
    this.sessionId = sessionId;
    this.origin = origin;
    this.wrongs = [];
    this.allowed = []; /* patterns of console lines that a test expects, as a refused token makes one */
    this.requests = [];
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  hear({ method, params }) {
    const wrong = (text) => { if (!this.allowed.some((pattern) => pattern.test(text))) this.wrongs.push(text); };
    if (method === 'Runtime.exceptionThrown') wrong(`exception: ${params.exceptionDetails.exception?.description || params.exceptionDetails.text}`);
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type)) wrong(`console ${params.type}: ${params.args.map((arg) => arg.value ?? arg.description).join(' ')}`);
    if (method === 'Log.entryAdded' && ['error', 'warning'].includes(params.entry.level)) wrong(`log ${params.entry.level}: ${params.entry.text} ${params.entry.url || ''}`);
    if (method === 'Audits.issueAdded' && params.issue.code === 'ContentSecurityPolicyIssue') wrong(`policy: ${JSON.stringify(params.issue.details)}`);
    if (method === 'Network.requestWillBeSent') {
      this.requests.push(params.request.url);
      if (!params.request.url.startsWith(`${this.origin}/`) && params.request.url !== 'about:blank') wrong(`request to ${params.request.url}`);
    }
  }

  async go(path) {
    await this.send('Page.navigate', { url: this.origin + path });
    await this.until('document.readyState === "complete"');
  }

  /* The value of an expression in the page. */
  async eval(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description || exceptionDetails.text}`);
    return result.value;
  }

  async until(expression, timeoutMs = 30000) {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const value = await this.eval(expression).catch((problem) => { if (Date.now() > end) throw problem; return false; });
      if (value) return value;
      if (Date.now() > end) throw new Error(`waited too long for ${expression}; the page says:\n${await this.eval('document.body.innerText')}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  text(selector) {
    return this.eval(`document.querySelector(${JSON.stringify(selector)}).innerText`);
  }

  /* A click where the element is drawn, as a person's: what lies over it would get it.  The page may move under the pointer
   * when news come in; then it is clicked again. */
  async click(selector) {
    const element = selector.startsWith('(') ? selector : `document.querySelector(${JSON.stringify(selector)})`;
    for (let tries = 0; tries < 10; tries++) {
      const at = await this.until(`(() => {
        const element = ${element};
        if (!element || element.disabled || element.getClientRects().length === 0) return null;
        element.scrollIntoView({ block: 'center' });
        const box = element.getBoundingClientRect(), x = box.left + box.width / 2, y = box.top + box.height / 2;
        const top = document.elementFromPoint(x, y);
        if (!top || !(element.contains(top) || top.contains(element))) return null;
        window.wasClicked = false;
        element.addEventListener('click', () => { window.wasClicked = true; }, { capture: true, once: true });
        return { x, y };
      })()`);
      for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased']) await this.send('Input.dispatchMouseEvent', { type, x: at.x, y: at.y, button: type === 'mouseMoved' ? 'none' : 'left', clickCount: type === 'mouseMoved' ? 0 : 1 });
      if (await this.eval('window.wasClicked')) return;
    }
    throw new Error(`${selector} cannot be clicked`);
  }

  /* By its words, among what can be clicked. */
  clickText(text, within = 'body') {
    return this.click(`([...document.querySelector(${JSON.stringify(within)}).querySelectorAll('button')].find((one) => one.innerText.trim() === ${JSON.stringify(text)} && one.getClientRects().length > 0))`);
  }

  async type(selector, text) {
    await this.click(selector);
    await this.send('Input.insertText', { text });
  }

  async key(key, shift = false) {
    const codes = { Tab: 9, Enter: 13, Escape: 27, ' ': 32 };
    const event = { key, code: key === ' ' ? 'Space' : key, windowsVirtualKeyCode: codes[key], modifiers: shift ? 8 : 0, text: key === 'Enter' ? '\r' : key === ' ' ? ' ' : undefined };
    await this.send('Input.dispatchKeyEvent', { type: event.text ? 'keyDown' : 'rawKeyDown', ...event });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...event, text: undefined });
  }

  async look({ width, height, dark = false, mobile = false }) {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: mobile ? 2 : 1, mobile });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
  }

  async shot(full = true) {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: full });
    return Buffer.from(data, 'base64');
  }
}
