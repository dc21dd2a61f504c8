// The report's page in headless Chromium: content, sorting, choices, filter, plot, gallery, copies, phone, dark,
// without its script.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { classical, writeRun } from './fixture.mjs';

const program = process.env.CAIRN_TEST_PROGRAM;
const browserPath = process.env.CAIRN_TEST_CHROMIUM || '/usr/bin/chromium';

function skip(reason) {
  console.log(`skipped: ${reason}`);
  process.exit(77);
}

if (!program) skip('CAIRN_TEST_PROGRAM does not name the program');
if (!existsSync(browserPath)) skip(`${browserPath} is missing (apt-get install chromium)`);
const playwright = await import('playwright-core').catch(() =>
  skip('playwright-core is missing (npm ci in tests/browser)'),
);

const folder = mkdtempSync(join(tmpdir(), 'cairn-browser-'));
const pages = {}; // files by name
let browser;

// ---- what the tests look at ----
const hostile = 'student </script><b id="broken">';
const shown = ['teacher', 'harris', 'sift'].flatMap((method) =>
  ['worst', 'median', 'best'].flatMap((rank) =>
    (method === 'harris' ? ['detections'] : ['detections', 'matches']).map((what) => [method, rank, what]),
  ),
);

function makePages() {
  const teacher = { name: 'teacher', role: 'teacher', weights: 'a1', dimension: 256, level: 0.61, slope: 0.4 };
  const student = { name: hostile, role: 'student', dimension: 0, level: 0.56 };
  writeRun(join(folder, 'first'), { methods: [teacher, ...classical], loss: 4, gallery: shown });
  const second = { ...teacher, weights: 'b2', level: 0.66, slope: 0.2 };
  writeRun(join(folder, 'second'), { methods: [second, student, ...classical], loss: 3 });
  pages.one = join(folder, 'one.html');
  pages.both = join(folder, 'both.html');
  const tables = join(folder, 'tables'),
    first = join(folder, 'first');
  execFileSync(program, ['report', first, '--out', pages.one, '--tables', tables], { stdio: 'pipe' });
  execFileSync(program, ['report', first, join(folder, 'second'), '--out', pages.both], { stdio: 'pipe' });
}

// A page that fails the test on any message of the console, error, or request beyond the file itself.
async function open(name, { width = 1400, scheme = 'light', script = true } = {}) {
  const url = pathToFileURL(pages[name]).href;
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: scheme,
    javaScriptEnabled: script,
    acceptDownloads: true,
  });
  const page = await context.newPage(),
    bad = [];
  page.on('console', (message) => bad.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => bad.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (request.url().split('#')[0] !== url && !/^(data|blob):/.test(request.url()))
      bad.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  page.done = async () => {
    assert.deepEqual(bad, []);
    await context.close();
  };
  return page;
}

const texts = (locator) => locator.allInnerTexts().then((list) => list.map((text) => text.trim()));
const chip = (root, name) => root.getByRole('button', { name, exact: true });

// ---- tests ----
const tests = {
  async 'content stands on the page'() {
    const page = await open('one');
    assert.equal(await page.title(), 'Cairn: first');
    assert.deepEqual(await texts(page.locator('h2')), [
      'Summary',
      'Results',
      'Gallery',
      'Training',
      'Pictures',
      'Recipe and stages',
    ]);
    await page.getByText('teacher beats random: Repeatability').waitFor();
    const first = page.locator('.kind table').first();
    assert.deepEqual(await texts(first.locator('tbody th')), ['teacher', 'harris', 'sift', 'random']);
    const harris = first.locator('tbody tr').nth(1);
    assert.equal(await harris.locator('b.best').first().innerText(), '0.675'); // over all but blur
    assert.match(await first.locator('tbody td small').first().innerText(), /^0\.\d{3}–0\.\d{3}$/);
    assert.equal(await page.locator('.mma .curve:visible').count(), 2); // of teacher and sift, who have descriptors
    await page.done();
  },

  async 'a click on a header sorts, missing values last'() {
    const page = await open('one');
    const table = page.locator('.kind table').first(),
      head = table.locator('thead th').nth(3); // matching score
    await head.getByRole('button').click();
    assert.equal(await head.getAttribute('aria-sort'), 'descending');
    assert.deepEqual(await texts(table.locator('tbody th')), ['teacher', 'sift', 'harris', 'random']);
    await head.getByRole('button').click();
    assert.equal(await head.getAttribute('aria-sort'), 'ascending');
    assert.deepEqual(await texts(table.locator('tbody th')), ['sift', 'teacher', 'harris', 'random']);
    const names = table.locator('thead th').first().getByRole('button'); // by the keyboard
    await names.focus();
    await page.keyboard.press('Enter');
    assert.deepEqual(await texts(table.locator('tbody th')), ['harris', 'random', 'sift', 'teacher']);
    assert.equal(await head.getAttribute('aria-sort'), null);
    await page.done();
  },

  async 'one kind of pairs at a time'() {
    const page = await open('one'),
      kinds = page.locator('.set .kind');
    assert.deepEqual(await texts(kinds.locator('visible=true').locator('h4')), ['All pairs but blur (12)']);
    const bar = page.locator('.kinds');
    await chip(bar, 'Viewpoint').click();
    assert.deepEqual(await texts(page.locator('.set .kind:visible h4')), ['Viewpoint (6)']);
    assert.equal(await chip(bar, 'Viewpoint').getAttribute('aria-pressed'), 'true');
    assert.equal(await chip(bar, 'All pairs but blur').getAttribute('aria-pressed'), 'false');
    await page.done();
  },

  async 'sequences can be filtered'() {
    const page = await open('one'),
      part = page.locator('.by-sequence'),
      rows = part.locator('tbody tr');
    assert.equal(await rows.count(), 5);
    assert.match(await part.locator('tfoot th').innerText(), /Mean of 5/);
    await chip(part, 'illumination').click();
    assert.deepEqual(await texts(rows.locator('th')), ['v_graf', 'v_wall', 'v_bikes']);
    await part.getByRole('searchbox').fill('GRAF');
    assert.deepEqual(await texts(rows.locator('th')), ['v_graf']);
    assert.equal(await part.locator('circle.point').count(), 1);
    assert.equal(await part.locator('tfoot td').nth(2).innerText(), await rows.locator('td').nth(2).innerText());
    await part.getByRole('searchbox').fill('nothing of this name');
    assert.equal(await rows.count(), 0);
    await part.getByText('Nothing that is shown').waitFor();
    await page.done();
  },

  async 'the plot shows two chosen methods and a chosen measure'() {
    const page = await open('one'),
      part = page.locator('.by-sequence');
    await part.getByLabel('Plot across').selectOption('sift');
    await part.getByLabel('Plot up').selectOption('harris');
    await part.getByLabel('Measure').selectOption('Localisation error, px');
    assert.match(await part.locator('caption').innerText(), /^Localisation error, px/);
    assert.equal(await part.locator('.scatter h5').innerText(), 'harris over sift');
    assert.equal(await part.locator('circle.point').count(), 5);
    const point = part.locator('circle.point').nth(2);
    await point.focus();
    const told = await part.locator('[aria-live]').innerText();
    assert.match(told, /^v_graf: sift \d\.\d{3}, harris \d\.\d{3}$/);
    assert.equal(await point.getAttribute('aria-label'), told);
    // The row's cells: kind, pairs, teacher, harris, sift, random.
    const cells = await texts(part.locator('tbody tr').nth(2).locator('td'));
    assert.equal(told, `v_graf: sift ${cells[4]}, harris ${cells[3]}`);
    await part.getByLabel('Measure').selectOption('Matching score');
    await part.getByText('Nothing that is shown').waitFor(); // harris has no descriptors
    await page.done();
  },

  async 'the gallery shows one picture'() {
    const page = await open('one'),
      gallery = page.locator('.gallery'),
      figures = gallery.locator('figure:visible');
    assert.deepEqual(await texts(figures), ['teacher: worst pair v_graf/1-3, detections']);
    await chip(gallery, 'matches').click();
    await chip(gallery, 'best').click();
    assert.deepEqual(await texts(figures), ['teacher: best pair v_graf/1-3, matches']);
    await gallery.locator('select').selectOption('harris'); // has no matches
    assert.deepEqual(await texts(figures), ['harris: best pair v_graf/1-3, detections']);
    assert.equal(await chip(gallery, 'matches').isVisible(), false);
    await figures.locator('img').scrollIntoViewIfNeeded();
    await page.waitForFunction(() => document.querySelector('.gallery figure:not([hidden]) img').naturalWidth === 96);
    await page.done();
  },

  async 'tables are copied and saved as text'() {
    const page = await open('one');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const tools = page.locator('.tools').first(),
      id = await tools.getAttribute('data-table');
    const file = (form) => readFileSync(join(folder, 'tables', `${id}.${form}`), 'utf8');
    for (const [name, form] of [
      ['CSV', 'csv'],
      ['Markdown', 'md'],
      ['LaTeX', 'tex'],
    ]) {
      await chip(tools, name).click();
      await tools.getByText('copied').waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), file(form));
      const [download] = await Promise.all([page.waitForEvent('download'), chip(tools, `.${form}`).click()]);
      assert.equal(download.suggestedFilename(), `${id}.${form}`);
      assert.equal(readFileSync(await download.path(), 'utf8'), file(form));
    }
    await page.done();
  },

  async 'several runs stand side by side'() {
    const page = await open('both');
    const names = await texts(page.locator('.kind table').first().locator('tbody th'));
    assert.deepEqual(names, ['teacher (first)', 'harris', 'sift', 'random', 'teacher (second)', hostile]);
    const loss = page.locator('#training .chart').first();
    assert.equal(await loss.locator('path.line.hue1').count(), 2); // the curve and its piece in the legend
    assert.deepEqual(await texts(loss.locator('.legend li')), ['first', 'second']);
    assert.equal(await page.locator('#broken').count(), 0);
    await page.done();
  },

  async 'a phone shows everything without sideways scrolling'() {
    for (const scheme of ['light', 'dark'])
      for (const width of [360, 390]) {
        const page = await open('both', { width, scheme });
        await page.evaluate(() => document.querySelectorAll('details').forEach((element) => (element.open = true)));
        const wide = await page.evaluate(() => {
          const least = document.documentElement.clientWidth,
            inside = '.scroll, .pan, pre, svg, .skip';
          const out = [...document.body.querySelectorAll('*')].filter((element) => {
            const box = element.getBoundingClientRect();
            return box.right > least + 1 && !element.closest(inside);
          });
          return [document.documentElement.scrollWidth - least, ...out.map((e) => `${e.tagName}.${e.className}`)];
        });
        assert.deepEqual(wide, [0]);
        await page.done();
      }
  },

  async 'text can be told from its ground, light and dark'() {
    for (const scheme of ['light', 'dark']) {
      const page = await open('one', { scheme });
      const worst = await page.evaluate(() => {
        const light = (colour) => {
          const [r, g, b] = colour.match(/[\d.]+/g).map((v) => v / 255);
          const line = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
          return 0.2126 * line(r) + 0.7152 * line(g) + 0.0722 * line(b);
        };
        const ground = (element) => {
          for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor;
            if (!/, 0\)$/.test(colour)) return colour;
          }
          return 'rgb(255, 255, 255)';
        };
        const list = [
          ...document.querySelectorAll(
            'p, h1, h2, h3, h4, h5, a, th, td, small, button, li, summary, b, dt, dd, svg text',
          ),
        ];
        const ratios = list
          .filter((e) => e.checkVisibility() && e.textContent.trim())
          .map((e) => {
            const style = getComputedStyle(e),
              ink = e.closest('svg') ? style.fill : style.color;
            const [a, b] = [light(ink), light(ground(e))].sort((x, y) => y - x);
            return [(a + 0.05) / (b + 0.05), `${e.tagName}.${e.getAttribute('class')} ${e.textContent.slice(0, 30)}`];
          });
        return ratios.sort((x, y) => x[0] - y[0])[0];
      });
      assert.ok(worst[0] >= 4.5, `${scheme}: contrast ${worst[0].toFixed(2)} of ${worst[1]}`);
      await page.done();
    }
  },

  async 'the keyboard reaches every control'() {
    const page = await open('one');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the summary');
    const reached = new Set();
    for (let i = 0; i < 300; i++) {
      await page.keyboard.press('Tab');
      const now = await page.evaluate(() => {
        const e = document.activeElement;
        return e === document.body
          ? null
          : (e.className.baseVal ?? `${e.tagName} ${e.dataset.choice ?? e.dataset.kind ?? e.dataset.copy ?? ''}`);
      });
      if (now === null) break;
      reached.add(now.trim());
    }
    const wanted = [
      'BUTTON viewpoint',
      'BUTTON csv',
      'SELECT measure',
      'SELECT x',
      'SELECT y',
      'INPUT',
      'SELECT method',
      'SUMMARY',
    ];
    for (const name of wanted) assert.ok(reached.has(name), `${name} is not among ${[...reached].join('; ')}`);
    assert.ok(
      [...reached].some((name) => name.startsWith('point ')),
      'no point of the plot is reached',
    );
    await page.done();
  },

  async 'without the script everything is there'() {
    const page = await open('one', { script: false });
    assert.equal(await page.locator('.kind:visible').count(), 4);
    assert.equal(await page.locator('.gallery figure:visible').count(), shown.length);
    assert.equal(await page.locator('.by-sequence tbody tr:visible').count(), 5);
    assert.equal(await page.locator('button:visible, select:visible').count(), 0);
    await page.done();
  },

  async 'a script of anyone else does not run'() {
    const page = await open('one'),
      refused = [];
    page.removeAllListeners('console');
    page.on('console', (message) => refused.push(message.text()));
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.ran = true';
      document.body.append(script);
      document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.ran = true">');
    });
    await page.waitForTimeout(200);
    assert.equal(await page.evaluate(() => window.ran), undefined);
    assert.ok(
      refused.some((text) => text.includes('Content Security Policy')),
      refused.join('; '),
    );
    await page.context().close();
  },
};

let failed = 0;
try {
  makePages();
  const args = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  args.push('--no-sandbox', '--disable-component-update', '--disable-sync');
  browser = await playwright.chromium.launch({ executablePath: browserPath, headless: true, args });
  for (const [name, test] of Object.entries(tests)) {
    const start = Date.now();
    try {
      await test();
      console.log(`ok      ${name} (${Date.now() - start} ms)`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}\n${error.stack}`);
    }
  }
} finally {
  await browser?.close();
  rmSync(folder, { recursive: true });
}
console.log(`${Object.keys(tests).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
