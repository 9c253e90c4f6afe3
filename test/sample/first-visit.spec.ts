import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { hasChromium, startChromium } from '../support/chromium.js';
import { faintTextsIn } from './contrast.js';
import { eventually, type Sample, startSample } from './sample.js';

const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, colorScheme: 'dark' };
const DESK: BrowserContextOptions = { viewport: { width: 1100, height: 900 }, colorScheme: 'light' };
if (!hasChromium) console.warn("NOT TESTED: a first visit to the sample's page, because there is no /usr/bin/chromium");
const inChromium = hasChromium ? describe : describe.skip;

inChromium("the sample's page", () => {
  let sample: Sample;
  let browser: Browser;

  beforeAll(async () => {
    [sample, browser] = await Promise.all([startSample(), startChromium()]);
  });
  afterAll(async () => {
    await browser?.close();
    await sample.close();
  });

  async function visit(address: string, options = DESK): Promise<Page> {
    const page = await browser.newPage(options);
    await page.goto(`http://localhost:${sample.port}/${address}`);
    await page.locator('#connection.live').waitFor();
    return page;
  }
  const textOf = (page: Page, selector: string) => async () =>
    (await page.locator(selector).allTextContents()).map((text) => text.trim()).join(' | ');
  const showsText = (page: Page, selector: string, text: string) => eventually(textOf(page, selector), text);

  it('shows a player with a past in a game that is running; a second visit shows the same and changes nothing', async () => {
    const [first, second] = await Promise.all([visit(''), visit('')]);
    for (const page of [first, second]) {
      await showsText(page, '#players li', 'anna6 lives | bert3 lives');
      await showsText(page, '#lives', '6');
      await eventually(textOf(page, '#clock'), (text) => /^[0-5]:\d\d$/.test(text));
      await eventually(textOf(page, '#events .name'), (text) => text.includes('payment_received'));
      await showsText(page, '#payments .status', 'paid');
      expect(new URL(page.url()).hash).toBe('#player=anna&game=forest');
    }
    const third = await visit('');
    await showsText(third, '#lives', '6');
    await showsText(third, '#payments li', '2 lives for 2.00paid');
    for (const page of [first, second, third]) await page.close();
  });

  it('says of every card which source it shows; each link leads to it, and none out of that folder', async () => {
    const page = await visit('#player=anna');
    const cards = await page.locator('main .card').count();
    expect(await page.locator('main .card:has(.source)').count()).toBe(cards);
    const links = await page.locator('.source').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
    for (const link of links) {
      const { status, headers, text } = await get(link ?? '');
      expect({ link, status, type: headers['content-type'] }).toEqual({
        link,
        status: 200,
        type: 'text/plain; charset=utf-8',
      });
      expect(text).toMatch(/^export class /m);
    }
    await page.close();
    expect((await get('/source/page/index.html')).headers['content-type']).toBe('text/plain; charset=utf-8');
    for (const outside of ['/source/../package.json', '/source/%2e%2e/package.json', '/source/..%2fpackage.json'])
      expect((await get(outside)).text).not.toContain('omniscient-nest"');
    for (const none of ['/source/', '/source/players', '/source/.hidden', '/source/players/none.ts'])
      expect((await get(none)).status).toBe(404);
  });

  it.each([
    ['a player that is none', '#player=no%20spaces&game=hill', 'choose', '“no spaces” in the address is not a name'],
    ['a room that is none', '#player=anna&game=a/b', 'choose-game', '“a/b” in the address is not a name'],
  ])('says so next to the field when the address names %s, and shows the rest', async (_what, address, form, text) => {
    const page = await visit(address);
    await eventually(textOf(page, `#${form}-message`), (message) => message.startsWith(text));
    expect(await page.locator(`#${form} input`).getAttribute('aria-invalid')).toBe('true');
    // It stays until it is mended, whatever else is pressed.
    await page.getByRole('button', { name: 'Rebuild the table' }).click();
    await eventually(textOf(page, '#progress-text'), (progress) => /edition [2-9]/.test(progress));
    expect(await textOf(page, `#${form}-message`)()).toContain(text);
    await page.locator(`#${form} input`).fill('anna');
    await page.locator(`#${form} button`).click();
    await showsText(page, `#${form}-message`, '');
    expect(await page.locator(`#${form} input`).getAttribute('aria-invalid')).toBe('false');
    await page.close();
  });

  it('says when nobody of that name has played, and follows an address that is changed', async () => {
    const page = await visit('#player=annna');
    await showsText(page, '#no-events:visible', 'Nothing has happened to annna yet.');
    await page.goto(`http://localhost:${sample.port}/#player=bert`);
    await showsText(page, '#no-events:visible', 'Nothing has happened to bert yet.');
    await page.close();
  });

  it('says what was wrong next to what was pressed, and nowhere else', async () => {
    const page = await visit('#player=nora&game=dale');
    const wrong = async (button: string, text: string, near: string) => {
      await page.getByRole('button', { name: button, exact: true }).click();
      await eventually(textOf(page, '.message:not(:empty)'), (message) => message.includes(text));
      expect(await textOf(page, `${near}`)()).toContain(text);
    };
    await wrong('Start', 'nobody has joined', '#start + .message');
    await wrong('Pay', 'nobody called', '#pay .message');
    for (let lives = 3; lives > 0; lives -= 1) {
      await page.getByRole('button', { name: 'Lose a life' }).click();
      await showsText(page, '#lives', `${lives - 1}`);
    }
    await wrong('Lose a life', 'no lives left', '.row:has(#lose-life) + .message');
    await wrong('Enter', 'no lives left', '#choose-game-message');
    await page.close();
  });

  it('can be used with the keyboard alone', async () => {
    const page = await visit('#game=dale');
    const press = (key: string) => page.keyboard.press(key);
    const focus = () => page.evaluate<string>('document.activeElement.name || document.activeElement.id');
    const tabTo = async (target: string) => {
      for (let i = 0; i < 60 && (await focus()) !== target; i += 1) await press('Tab');
      expect(await focus()).toBe(target);
      const outline = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle');
      expect(outline).toBe('solid');
    };
    await tabTo('player');
    await page.keyboard.type('kim');
    await press('Enter');
    await showsText(page, '#lives', '3');
    await tabTo('add-life');
    await press('Enter');
    await showsText(page, '#lives', '4');
    await tabTo('game');
    await press('Enter');
    await showsText(page, '#players li', 'kim4 lives');
    await tabTo('seconds');
    await press('Enter');
    await page.locator('#clock:visible').waitFor();
    await tabTo('break-bank');
    await press('Space');
    await eventually(async () => page.locator('#break-bank').isChecked(), true);
    await press('Space');
    await tabTo('request');
    await page.close();
  });

  it('keeps the focus of whoever started a game or begins it anew', async () => {
    const page = await visit('#player=lea&game=glade');
    await page.getByRole('button', { name: 'Enter' }).click();
    await showsText(page, '#players li', 'lea3 lives');
    await page.getByLabel('Seconds').fill('1');
    await page.keyboard.press('Enter');
    await showsText(page, '#game-state', 'the game is over: won by lea');
    expect(await page.evaluate('document.activeElement.closest("#start") !== null')).toBe(true);
    await page.getByRole('button', { name: 'Play again' }).focus();
    await page.keyboard.press('Enter');
    await showsText(page, '#game-state', 'one player, not started');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Start');
    await page.keyboard.press('Enter');
    await showsText(page, '#game-state', 'the game is over: won by lea');
    await eventually(textOf(page, '#board tbody tr'), (text) => text.includes('lea23'));
    await page.close();
  });

  it.each([
    ['a phone in the dark', 'W', PHONE],
    ['a phone in the light', 'M', { ...PHONE, colorScheme: 'light' as const }],
    ['a desk in the dark', 'Q', { ...DESK, colorScheme: 'dark' as const }],
    ['a desk in the light', 'O', DESK],
  ])('fits, and can be read, on %s, also with the longest names', async (where, letter, options) => {
    const name = letter.repeat(40);
    const page = await visit(`#player=${name}&game=${name}`, options);
    await page.getByRole('button', { name: 'Enter' }).click();
    await showsText(page, '#players li', `${name}3 lives`);
    await page.getByRole('button', { name: 'Add a life' }).click();
    await showsText(page, '#players li', `${name}4 lives`);
    await eventually(textOf(page, '#board tbody th:first-child'), (text) => text.includes(name));
    await page.getByRole('button', { name: 'Pay' }).click();
    await showsText(page, '#pay .message', `nobody called '${name}' has signed up`);
    await eventually(textOf(page, '#request .name'), (text) => text.includes('score_changed'));
    const [shown, wide] = await page.evaluate<[number, number]>('[innerWidth, document.documentElement.scrollWidth]');
    expect(wide).toBeLessThanOrEqual(shown);
    expect(await page.evaluate<string[]>(OVERFLOWING)).toEqual([]);
    expect(await faintTextsIn(page)).toEqual([]);
    if (process.env.SCREENSHOTS)
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/${where}.png`, fullPage: true });
    await page.close();
  });

  it('does not say that all is well while it is offline, and says so again when it is not', async () => {
    const page = await visit('#player=anna&game=forest');
    await showsText(page, '#health.up #health-status', 'up');
    const startAgain = await sample.stop();
    await page.locator('#connection.offline').waitFor();
    await showsText(page, '#health-status', 'unknown: this window is offline');
    expect(await page.locator('#health.up').count()).toBe(0);
    await page.getByRole('button', { name: 'Add a life' }).click();
    await showsText(page, '.row:has(#add-life) + .message', 'the server cannot be reached');
    sample = await startAgain();
    await page.locator('#connection.live').waitFor();
    await showsText(page, '#health.up #health-status', 'up');
    await page.close();
  });

  /** Asks for exactly this path: a client would tidy it. */
  function get(path: string): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> {
    return new Promise((resolve, reject) => {
      const asked = httpRequest({ host: 'localhost', port: sample.port, path }, async (response) => {
        let text = '';
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
      asked.once('error', reject).end();
    });
  }
});

/** Elements of the page whose text is wider than they are. */
const OVERFLOWING = `[...document.querySelectorAll('body *')]
  .filter((each) => each.checkVisibility() && getComputedStyle(each).display !== 'inline'
    && !['INPUT', 'SELECT'].includes(each.tagName) && each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
  .map((each) => each.tagName + '#' + each.id + '.' + each.className)`;
