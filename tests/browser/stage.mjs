/* stage - a Redis, a simulated gateway and a bellhopd of the test's own, on a socket of its own and on free ports. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const READY_MS = 30000;

export const TOKEN = 'öpen sesame, please';

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export async function until(what, test, timeoutMs = READY_MS) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited too long for ${what}`);
    await pause(50);
  }
}

/* One command per connection: slow, and enough here.  Arrays come flat. */
function command(socket, words) {
  return new Promise((resolve, reject) => {
    const link = connect(socket);
    let bytes = '';
    link.setEncoding('utf8');
    link.on('error', reject);
    link.on('data', (text) => { bytes += text; });
    link.on('close', () => (bytes.startsWith('-') ? reject(new Error(bytes)) : resolve(bytes)));
    link.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}*1\r\n$4\r\nQUIT\r\n`);
  });
}

export class Stage {
  constructor(programs) {
    this.programs = programs;
    this.dir = mkdtempSync(join(tmpdir(), 'bellhop-stage-'));
    this.children = new Map();
    this.socket = join(this.dir, 'redis');
    this.config = join(this.dir, 'bellhop.ini');
  }

  run(name, program, args) {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child.log = '';
    child.stdout.on('data', (bytes) => { child.log += bytes; });
    child.stderr.on('data', (bytes) => { child.log += bytes; });
    child.ended = new Promise((resolve) => { child.on('close', resolve); child.on('error', resolve); });
    this.children.set(name, child);
    return child;
  }

  async find(name, pattern) {
    const child = this.children.get(name);
    return until(`${pattern} of ${name}: ${child.log}`, () => {
      if (child.exitCode !== null) throw new Error(`${name} has ended: ${child.log}`);
      return pattern.exec(child.log);
    });
  }

  async startRedis() {
    this.run('redis', this.programs.redis, ['--port', '0', '--unixsocket', this.socket, '--save', '', '--appendonly', 'yes', '--appendfsync', 'no', '--dir', this.dir]);
    await until('Redis', () => this.redis('PING').catch(() => false));
  }

  async start() {
    await this.startRedis();
    const simConfig = join(this.dir, 'sim.ini');
    writeFileSync(simConfig, '[key sim-live-key]\nrights = sms,voice,balance,hooks\n[reports]\nplan = none\nvoice_plan = none\n');
    this.run('sim', this.programs.sim, ['--listen', '127.0.0.1:0', '--config', simConfig]);
    this.simUrl = (await this.find('sim', /listening on (http:\S+)/))[1];
    writeFileSync(this.config, `[redis]
url = unix://${this.socket}
[gateway]
url = ${this.simUrl}/api
api_key = sim-live-key
timeout = 10s
[pool]
workers = 2
instance = night-1
journal = off
lease = 15s
[status]
events = 1000
[http]
listen = 127.0.0.1:0
admin_token = ${TOKEN}
[queue sms]
on_uncertain = hold
[queue marketing]
type = sms
[queue voice]
type = voice
`, { mode: 0o600 });
    this.run('daemon', this.programs.daemon, ['--config', this.config]);
    const [, port] = await this.find('daemon', /http_up .*port=(\d+)/);
    this.origin = `http://127.0.0.1:${port}`;
  }

  redis(...words) {
    return command(this.socket, words);
  }

  push(queue, job) {
    return this.redis('LPUSH', `bellhop:{${queue}}`, JSON.stringify(job));
  }

  async state(queue, id) {
    return (/\r\n([a-z]+)\r\n/.exec(await this.redis('HGET', `bellhop:{${queue}}:status:${id}`, 'state')) || [])[1] || '';
  }

  async waitState(queue, id, state) {
    await until(`${id} to be ${state}`, async () => (await this.state(queue, id)) === state);
  }

  async sim(what, body) {
    const answer = await fetch(`${this.simUrl}/_sim/${what}`, body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`/_sim/${what}: ${await answer.text()}`);
    return answer.json();
  }

  signal(name, signal) {
    this.children.get(name).kill(signal);
  }

  /* The daemon has to end as it should. */
  async stop() {
    const daemon = this.children.get('daemon');
    let wrong = '';
    for (const name of ['daemon', 'sim', 'redis']) {
      const child = this.children.get(name);
      if (!child) continue;
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 20000);
      await child.ended;
      clearTimeout(timer);
    }
    if (daemon && daemon.exitCode !== 0) wrong = `bellhopd ended with ${daemon.exitCode}, ${daemon.signalCode}`;
    rmSync(this.dir, { recursive: true, force: true });
    return wrong;
  }

  log() {
    return [...this.children].map(([name, child]) => `---- ${name}\n${child.log.slice(-6000)}`).join('\n');
  }
}

export function read(path) {
  return readFileSync(path, 'utf8');
}
