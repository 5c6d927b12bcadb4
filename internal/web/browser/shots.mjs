// shots.mjs takes the screenshots of the documentation: node shots.mjs FOLDER
import { join } from 'node:path';
import { Machine, closeBrowser, open, pause, scene } from './machine.mjs';

const to = process.argv[2];
const m = new Machine();
try {
  const { stop, kill } = await scene(m);
  const url = await m.web();
  const dark = await open(url, { colorScheme: 'dark', reducedMotion: 'reduce' });
  const light = await open(url, { colorScheme: 'light', reducedMotion: 'reduce' });
  const phone = await open(url, { colorScheme: 'light', reducedMotion: 'reduce', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  const seconds = Number(process.env.SHOT_SECONDS || 90); // of history
  await pause(seconds * 500);
  stop();
  kill();
  await pause(seconds * 500);
  const shot = async (page, name, hash, full) => {
    await page.goto(url + hash);
    await pause(2500);
    await page.screenshot({ path: join(to, `web-${name}.png`), fullPage: Boolean(full) });
  };
  await shot(light, 'light', '#/');
  await shot(light, 'queue', '#/queue/mail', true);
  await shot(dark, 'map', '#/map');
  await shot(phone, 'phone', '#/');
  for (const p of [light, dark, phone]) for (const f of p.faults) console.error(f);
} finally {
  await closeBrowser();
  await m.end();
}
