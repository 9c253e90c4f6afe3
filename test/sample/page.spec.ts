import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { hasChromium, startChromium } from '../support/chromium.js';
import { patientMs } from '../support/machine-speed.js';

const CLUSTER = '.build/sample-app/cluster.js';
if (!hasChromium)
  console.warn('NOT TESTED: the sample page in two browser windows, because there is no /usr/bin/chromium');
const inChromium = hasChromium ? describe : describe.skip;

inChromium('the sample page, in windows on different processes of one cluster', () => {
  const folder = mkdtempSync(join(tmpdir(), 'omniscient-page-'));
  let cluster: ChildProcess;
  let output = '';
  let port: number;
  let browser: Browser;
  let left: Page;
  let right: Page;

  beforeAll(async () => {
    if (!existsSync(CLUSTER)) throw new Error(`${CLUSTER} is missing: run 'npm run build' first (npm test does)`);
    port = await freePorts(3);
    const env = { ...process.env, PORT: String(port), DATABASE: join(folder, 'events.db'), NODE_OPTIONS: '' };
    cluster = spawn(process.execPath, [CLUSTER], { env });
    cluster.stdout?.on('data', (chunk) => (output += chunk));
    cluster.stderr?.on('data', (chunk) => (output += chunk));
    browser = await startChromium();
    await until(() => output.includes(`localhost:${port + 2}`));
    left = await browser.newPage({ viewport: { width: 1100, height: 900 } });
    right = await browser.newPage({ viewport: { width: 1100, height: 900 }, colorScheme: 'dark' });
    await left.goto(`http://localhost:${port}/#player=anna&game=forest`);
    await right.goto(`http://localhost:${port + 1}/#player=anna&game=forest`);
    await Promise.all([left, right].map((page) => page.locator('#connection.live').waitFor()));
  });

  afterAll(async () => {
    await browser?.close();
    cluster?.kill('SIGTERM');
    if (cluster?.exitCode === null) await new Promise((resolve) => cluster.once('exit', resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows in one window at once what was done in the other', async () => {
    await expectText(right, '#lives', '3');
    await right.evaluate(WATCH_LIVES);
    const clickedMs = await left.evaluate<number>("document.querySelector('#add-life').click(), Date.now()");
    await expectText(right, '#lives', '4');
    const shownMs = await right.evaluate<number>('globalThis.livesChangedMs');
    process.stdout.write(`a life added on one process showed on another's page after ${shownMs - clickedMs} ms\n`);
    await expectText(left, '#lives', '4');
  });

  it('pays as a user, and the player gains the lives, in both windows', async () => {
    await left.getByLabel('Password').fill('correct horse');
    await left.getByRole('button', { name: 'Sign up' }).click();
    await expectText(left, '#account .message', 'welcome, anna');
    await left.getByLabel('Lives to buy').fill('5');
    await left.getByRole('button', { name: 'Pay' }).click();
    await expectText(right, '#lives', '9');
  });

  it('shows all that one click caused, in whichever actor', async () => {
    // On a busy machine the bank takes so long that the payment asks again.
    const caused = async () =>
      (await left.locator('#request .name').allTextContents()).filter((name) => name !== 'tick');
    await until(async () => (await caused()).length === 5);
    expect(await caused()).toEqual([
      'payment_requested',
      'payment_opened',
      'payment_confirmed',
      'payment_received',
      'score_changed',
    ]);
  });

  it('tells the same story in both windows, newest first, and who did it where', async () => {
    await right.getByRole('button', { name: 'Lose a life' }).click();
    for (const page of [left, right]) {
      await page.locator('#events li').nth(4).waitFor();
      expect(await page.locator('#events .name').allTextContents()).toEqual([
        'player_death',
        'payment_received',
        'payment_requested',
        'signed_up',
        'life_added',
      ]);
    }
    expect(await left.locator('#events .who').first().textContent()).toContain(`Player on node-${port + 1}`);
  });

  it('shows who is in the game, with their lives; who exits is ejected, who dies respawns', async () => {
    await left.getByRole('button', { name: 'Enter' }).click();
    await expectText(right, '#players li', 'anna8 lives');
    await right.getByRole('button', { name: 'Exit all rooms' }).click();
    await expectText(left, '#players li', '');
    await left.getByRole('button', { name: 'Enter' }).click();
    await expectText(right, '#players li', 'anna8 lives');
    await right.getByRole('button', { name: 'Lose a life' }).click();
    await left.getByText('1 respawn').waitFor();
    await right.getByRole('button', { name: 'Add a life' }).click();
    await expectText(left, '#players li', 'anna8 lives');
    await right.getByRole('button', { name: 'Add a life' }).click();
    await expectText(left, '#players li', 'anna9 lives');
  });

  it('counts the seconds of a game down in both windows; who is left when they are over has won', async () => {
    await right.getByLabel('Seconds').fill('3');
    await right.getByRole('button', { name: 'Start' }).click();
    await left.getByText('started at').waitFor();
    await until(async () => /^0:0[0-3]$/.test((await left.locator('#clock').textContent()) ?? ''));
    for (const page of [left, right]) await expectText(page, '#game-state', 'the game is over: won by anna');
    await expectText(left, '#clock', '');
  });

  it('shows the same leaders twice in both windows, and a table made anew', async () => {
    for (const page of [left, right])
      for (const board of ['#board', '#table']) await expectText(page, `${board} tbody`, 'anna19');
    await right.getByRole('button', { name: 'Rebuild the table' }).click();
    for (const page of [left, right]) {
      await until(async () => (await page.locator('#progress-text').textContent())?.startsWith('edition 2, ') ?? false);
      await expectText(page, '#table tbody', 'anna19');
    }
  });

  it('shows a payment that the bank is silent about, until it is refunded', async () => {
    await left.getByLabel('Card').selectOption('silent');
    await left.getByRole('button', { name: 'Pay' }).click();
    await right.getByText('asking the bank').waitFor();
    await right.getByText('no answer in time: refunded').waitFor();
    await expectText(right, '#lives', '9');
  });

  it('shows what is parked, and goes on with it when it is retried', async () => {
    await right.getByLabel('The bank answers new payments with nonsense').check();
    await until(() => left.locator('#break-bank').isChecked());
    await left.getByLabel('Card').selectOption('good');
    await left.getByLabel('Lives to buy').fill('1');
    await left.getByRole('button', { name: 'Pay' }).click();
    await right.getByText('Payment.open failed 5 times').waitFor();
    await expectText(left, '#parked-count', '1');
    await right.getByRole('button', { name: 'Retry' }).click();
    await right.locator('#parked li .message').getByText('it still fails').waitFor();
    await right.getByLabel('The bank answers new payments with nonsense').uncheck();
    await until(async () => !(await left.locator('#break-bank').isChecked()));
    await right.getByRole('button', { name: 'Retry' }).click();
    for (const page of [left, right]) {
      await expectText(page, '#parked-count', '0');
      await expectText(page, '#lives', '10');
    }
    await right.getByRole('button', { name: 'Lose a life' }).click();
    await expectText(left, '#lives', '9');
  });

  it('shows how the processes do', async () => {
    await expectText(left, '#health dd:nth-of-type(1)', 'up');
    await expectText(left, '#health dd:nth-of-type(2)', [0, 1, 2].map((i) => `node-${port + i}`).join(', '));
    // The others are a click away, and show the same there.
    const [other] = await Promise.all([left.waitForEvent('popup'), left.locator('#processes a').first().click()]);
    await other.waitForURL(`http://localhost:${port + 1}/#player=anna&game=forest`);
    await other.close();
  });

  it('says what was wrong', async () => {
    await right.getByLabel('Password').fill('not the password');
    await right.getByRole('button', { name: 'Log in' }).click();
    await expectText(right, '.message', 'name or password is wrong');
    await expectText(right, '#account .message', 'name or password is wrong');
  });

  it('looks the same after a reload, and goes on', async () => {
    await right.reload();
    await expectText(right, '#lives', '9');
    await left.getByRole('button', { name: 'Add a life' }).click();
    await expectText(right, '#lives', '10');
    const places = (page: Page) => page.locator('#events .place').allTextContents();
    await until(async () => `${await places(left)}` === `${await places(right)}`);
    const versions = (await places(right)).map((place) => Number(place.slice(1)));
    expect(versions.length).toBeGreaterThan(9);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => b - a));
    if (process.env.SCREENSHOTS) {
      await left.screenshot({ path: join(process.env.SCREENSHOTS, 'light.png'), fullPage: true });
      await right.screenshot({ path: join(process.env.SCREENSHOTS, 'dark.png'), fullPage: true });
      await left.setViewportSize({ width: 390, height: 844 });
      await left.screenshot({ path: join(process.env.SCREENSHOTS, 'narrow.png'), fullPage: true });
    }
  });

  it('says that it is offline when its process is gone, while the others go on', async () => {
    const third = await browser.newPage();
    await third.goto(`http://localhost:${port + 2}/#player=anna`);
    await third.locator('#connection.live').waitFor();
    const pid = new RegExp(`Port ${port + 2} is process (\\d+)`).exec(output)?.[1];
    process.kill(Number(pid), 'SIGKILL');
    await third.locator('#connection.offline').waitFor();
    await expectText(third, '#health.unknown #health-status', 'unknown: this window is offline');
    await left.getByRole('button', { name: 'Add a life' }).click();
    await expectText(right, '#lives', '11');
    await third.close();
  });
});

/** Notes, inside the page, when the number of lives changes. */
const WATCH_LIVES = `new MutationObserver(() => (globalThis.livesChangedMs = Date.now()))
  .observe(document.querySelector('#lives'), { childList: true, characterData: true, subtree: true })`;

async function expectText(page: Page, selector: string, text: string): Promise<void> {
  await until(async () => (await page.locator(selector).allTextContents()).join('').trim() === text).catch(async () => {
    expect((await page.locator(selector).allTextContents()).join('').trim()).toBe(text);
  });
}

async function until(holds: () => boolean | Promise<boolean>, forMs = 15_000): Promise<void> {
  const deadlineMs = Date.now() + patientMs(forMs);
  while (!(await holds())) {
    if (Date.now() > deadlineMs) throw new Error(`not within ${forMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The first of `count` ports in a row that nobody listens on. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 20_000);
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
