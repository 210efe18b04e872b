// Drives examples/node-service the way its README says: answers under load, refusals, and SIGTERM in the middle of work.
import { cpus } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { load } from '../src/index.js';
import everyday from '../src/weights/everyday.js';
import { freePort, pause, preparedExample, start, stopAll } from './example-programs.js';
import type { Program } from './example-programs.js';
import { jpegOf, photo, pixelsOf, pngOf, withBrokenTables } from './photos.js';

const folder = preparedExample('node-service'), net = await load(everyday);

async function serve(env: Record<string, string>, command = ['node', 'src/server.js']): Promise<{ url: string; program: Program }> {
  const port = String(await freePort()), program = start(command[0], command.slice(1), { cwd: folder, env: { ...process.env, PORT: port, THREADS: '2', ...env } });
  await program.says(/listening on http:\S+/);
  return { url: `http://127.0.0.1:${port}`, program };
}

type Bytes = Uint8Array<ArrayBuffer>;
const post = async (url: string, body: Bytes, query = ''): Promise<{ status: number; retryAfter: string | null; answer: any }> => {
  const response = await fetch(`${url}/classify${query}`, { method: 'POST', body });
  return { status: response.status, retryAfter: response.headers.get('retry-after'), answer: await response.json() };
};

const expectedOf = async (bytes: Bytes): Promise<object> => {
  const picture = await pixelsOf(bytes);
  return { width: picture.width, height: picture.height, labels: net.classify(picture) };
};

const WAITING = 8, THREADS = 2;
const { url } = await serve({ WAITING: String(WAITING), MOST_BYTES: '400000' });
const pictures = [
  ...await Promise.all([1, 2, 3, 4].map((i) => jpegOf(photo(640, 480, i)))), await pngOf(photo(300, 200, 5)), await jpegOf(photo(320, 240, 6), { orientation: 6 }),
  await jpegOf(photo(320, 240, 7), { orientation: 3 }), await jpegOf(photo(320, 240, 8), { orientation: 8 }),
];
const expected = await Promise.all(pictures.map(expectedOf));

const test = suite('node-service');

test('answers many at once, each with its own picture\'s labels', async () => {
  const TOTAL = 240, AT_ONCE = WAITING;
  let next = 0;
  const begin = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let i = next++; i < TOTAL; i = next++) {
      const { status, answer } = await post(url, pictures[i % pictures.length]);
      assert.is(status, 200, JSON.stringify(answer));
      assert.equal(answer, expected[i % pictures.length]);
    }
  }));
  const seconds = (performance.now() - begin) / 1000;
  console.log(`node-service: ${(TOTAL / seconds).toFixed(0)} pictures a second (half 640 x 480 JPEG, the others smaller) with ${THREADS} threads, client included; Node ${process.version}, ${cpus().length} cores, ${cpus()[0].model}`);
});

test('refuses at once what would wait too long, and answers the rest', async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => post(url, pictures[i % 4])));
  const taken = answers.map((answer, i) => ({ ...answer, i })).filter(({ status }) => status === 200), refused = answers.filter(({ status }) => status === 503);
  assert.is(taken.length + refused.length, 60);
  assert.ok(taken.length >= WAITING + THREADS && refused.length > 0, `${taken.length} taken, ${refused.length} refused`);
  for (const { answer, i } of taken) assert.equal(answer, expected[i % 4]);
  for (const { answer, retryAfter } of refused) assert.equal([answer.error.code, retryAfter], ['BUSY', '1']);
  assert.equal(await (await fetch(`${url}/health`)).json(), { status: 'ok', inFlight: 0 });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.is(Number(/classify_answers_total\{status="503"\} (\d+)/.exec(metrics)?.[1]), refused.length);
  assert.match(metrics, /classify_seconds_count \d+/);
});

test('says what is wrong with a body, and goes on', async () => {
  const [jpeg] = pictures, png = pictures[4], huge = png.slice();
  new DataView(huge.buffer).setUint32(16, 60_000), new DataView(huge.buffer).setUint32(20, 60_000);
  const cases: [Bytes, string, number, string, RegExp][] = [
    [new Uint8Array(0), '', 400, 'BAD_IMAGE', /0 bytes/], [new TextEncoder().encode('hello'), '', 400, 'BAD_IMAGE', /no picture/],
    [new TextEncoder().encode('GIF89a\x0a\0\x0a\0\0\0\0;'), '', 400, 'BAD_IMAGE', /gif/], [withBrokenTables(jpeg), '', 400, 'BAD_IMAGE', /cannot be decoded/],
    [png.slice(0, 200), '', 400, 'BAD_IMAGE', /cannot be decoded/], [huge, '', 400, 'BAD_IMAGE', /60000 x 60000/],
    [new Uint8Array(400_001), '', 413, 'BAD_IMAGE', /400000 bytes/], [jpeg, '?top=0', 400, 'BAD_INPUT', /topK/],
  ];
  for (const [body, query, status, code, words] of cases) {
    const answered = await post(url, body, query);
    assert.equal([answered.status, answered.answer.error?.code], [status, code], `${words}: ${JSON.stringify(answered.answer)}`);
    assert.match(answered.answer.error.message, words);
  }
  assert.is((await fetch(`${url}/classify`)).status, 404);
  assert.equal((await post(url, jpeg)).answer, expected[0]);
  assert.equal((await post(url, png, '?top=1')).answer.labels.length, 1);
});

test('SIGTERM: what runs and waits is answered, what comes is refused, and the process ends with 0', async () => {
  const { url, program } = await serve({ WAITING: '40' });
  await post(url, pictures[0]);
  const large = await jpegOf(photo(1600, 1200)), work = Array.from({ length: 12 }, () => post(url, large));
  const inFlight = async (): Promise<number> => (await (await fetch(`${url}/health`)).json()).inFlight;
  while (await inFlight() < 12) await pause(2);
  program.child.kill('SIGTERM');
  await program.says(/SIGTERM/);
  const late = await post(url, pictures[0]).then(({ status }) => status, () => 'refused');
  assert.ok(late === 503 || late === 'refused', `a late request got ${late}`);
  assert.equal((await Promise.all(work)).map(({ status }) => status), Array(12).fill(200));
  assert.is(await program.ended, 0, program.said());
  assert.match(program.said(), /stopped/);
});

test('npm start works, and a taken port is said', async () => {
  const second = start('npm', ['start'], { cwd: folder, env: { ...process.env, PORT: new URL(url).port, THREADS: '1' } });
  assert.is(await second.ended, 1);
  assert.match(second.said(), /Port \d+ is in use/);
});

test.after(stopAll);
test.run();
