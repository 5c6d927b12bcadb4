// machine.mjs has real queues, processes, a server and a browser for the tests.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const SHMQ = process.env.SHMQ;
const BASE = process.env.SHMQ_BROWSER_QUEUES; // a folder in shared memory

// shmq-recv refuses a standard output that is open for reading too, as 'ignore' is.
const nowhere = openSync('/dev/null', 'w');

// Whatever ends the tests ends what they started.
const living = new Set();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

// A machine is a directory of queues with `shmq web` on it.
export class Machine {
  constructor() {
    this.dir = mkdtempSync(join(BASE, 'm'));
    this.env = { ...process.env, SHMQ_DIR: this.dir };
    this.children = [];
  }

  run(...args) {
    const r = spawnSync(SHMQ, args, { env: this.env, encoding: 'utf8' });
    if (r.status !== 0) throw new Error(`shmq ${args.join(' ')}: ${r.stderr}`);
    return r.stdout;
  }

  // start runs a command in the background: out is its standard output, as the name of its program.
  start(args, options = {}) {
    let program = SHMQ;
    if (options.as) { // seats tell the name of the program
      program = join(this.dir, options.as);
      if (!existsSync(program)) copyFileSync(SHMQ, program);
    }
    const child = spawn(program, args, { env: this.env, stdio: ['pipe', options.out || nowhere, 'pipe'] });
    child.stdin.on('error', () => {}); // it may be killed while it is fed
    child.said = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (b) => { child.said += b; });
    living.add(child);
    child.ended = new Promise((resolve) => child.on('exit', (code) => {
      living.delete(child);
      resolve(code);
    }));
    this.children.push(child);
    return child;
  }

  // feed sends lines to a sender, so many a second.
  feed(child, perSecond, line = 'a record of some bytes') {
    let left = 0;
    child.timer = setInterval(() => {
      left += perSecond / 20;
      if (left < 1 || child.stdin.writableNeedDrain) return;
      child.stdin.write(`${line}\n`.repeat(Math.floor(left)));
      left %= 1;
    }, 50);
    return child;
  }

  async web(...flags) {
    const child = this.server = this.start(['web', '--listen', '127.0.0.1:0', ...flags]);
    for (let i = 0; i < 1000 && !child.said.includes('\n'); i++) await pause(20);
    const at = child.said.match(/http:\S+/);
    if (!at) throw new Error('shmq web did not start: ' + child.said);
    return this.url = at[0];
  }

  async end() {
    for (const c of this.children) {
      clearInterval(c.timer);
      if (c.exitCode === null && c.signalCode === null) c.kill('SIGKILL'); // also ends stopped ones
      await c.ended;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let browser;
export async function open(url, options = {}) {
  browser ||= await chromium.launch({ executablePath: process.env.SHMQ_CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (e) => page.faults.push(String(e)));
  page.on('console', (m) => { if (m.type() === 'error' && !m.text().includes('ERR_')) page.faults.push(m.text()); });
  page.on('dialog', (d) => {
    page.faults.push('dialog: ' + d.message());
    d.dismiss();
  });
  page.on('request', (r) => { if (new URL(r.url()).host !== new URL(url).host) page.faults.push('request to ' + r.url()); });
  await page.goto(url);
  return page;
}

export async function closeBrowser() {
  if (browser) await browser.close();
}

// scene is a small plant: a pipeline of processes, one of them stopped, one dead, one asleep.
export async function scene(m) {
  const sizes = { orders: 1024, payments: 256, mail: 512, telemetry: 4096, audit: 128, reports: 512 };
  for (const [name, slots] of Object.entries(sizes)) m.run('create', name, '--slots', slots);
  const send = (as, name, rate) => m.feed(m.start(['send', name], { as }), rate);
  const receive = (as, name) => m.start(['recv', name], { as });
  const pipe = (as, from, to) => {
    const out = m.start(['send', to], { as });
    const into = m.start(['recv', from], { as, out: 'pipe' });
    into.stdout.on('error', () => {});
    into.stdout.pipe(out.stdin);
  };
  send('shop', 'orders', 900);
  send('kiosk', 'orders', 400);
  send('sensors', 'telemetry', 30000);
  send('signup', 'mail', 9);
  pipe('checkout', 'orders', 'payments');
  receive('bank', 'payments');
  receive('indexer', 'telemetry');
  receive('nightly', 'reports');
  const stopped = receive('mailer', 'mail');
  const dead = send('gateway', 'audit', 1);
  await pause(1500);
  return { stop: () => process.kill(stopped.pid, 'SIGSTOP'), kill: () => dead.kill('SIGKILL') };
}
