// Checks what becomes of fetched and converted files on disks that are full, read-only or not there: the bytes are given all
// the same, or it is said what could not be written and where; nothing half is left. Small disks are mounted in a mount
// namespace of each process, so that they go with it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { misbehaving, status, truncated, whole } from './zoo-server.js';

const server = await misbehaving();
const temporary = mkdtempSync(path.join(os.tmpdir(), 'depthwise-disk-')), disk = path.join(temporary, 'disk');
test.after(async () => {
  await server.close();
  rmSync(temporary, { recursive: true, force: true });
});

const mountable = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', temporary]).status === 0;
const shared = existsSync('../shared/models');
if (!mountable) console.log('NOT RUN: full and read-only disks. They need `unshare -rm mount -t tmpfs …` (Linux, util-linux, and the right to make user and mount namespaces: in a container, --cap-add SYS_ADMIN --security-opt seccomp=unconfined)');
if (!shared) console.log('NOT RUN: ../shared is absent, so nothing was pulled onto any disk');
const onDisk = mountable && shared ? test : test.skip, anywhere = shared ? test : test.skip;

const read = (file: string): Uint8Array => (shared ? Uint8Array.from(readFileSync(`../shared/models/${file}`)) : new Uint8Array());
const person = read('person_detect.tflite'), large = read('mobilenet_v3_small_1.0_224_uint8.tflite'), labels = read('imagenet_labels.txt');
const LARGE = 'mobilenet_v3_small_1.0_224_quant';
const LISTING = 'echo LEFT; find "$DISK" -type f -printf "%f %s\\n" | sort';

interface Ended { code: number | null; said: string; left: string[] }

/** What a shell says that has a disk of its own at $DISK, and the files that are on it in the end. */
function withDisk(size: string, commands: string): Promise<Ended> {
  return shell('unshare', ['-rm', 'sh', '-c', `mkdir -p "$DISK"; mount -t tmpfs -o size=${size} none "$DISK" || exit 99; ${commands}\ncode=$?; ${LISTING}; exit $code`]);
}

function shell(program: string, args: string[]): Promise<Ended> {
  const child = spawn(program, args, { env: { ...process.env, DISK: disk, NODE: process.execPath, DEPTHWISE_CACHE: disk, DEPTHWISE_MIRROR: server.base, DEPTHWISE_DEBUG: '' } });
  let said = '';
  child.stdout.on('data', (part) => (said += part));
  child.stderr.on('data', (part) => (said += part));
  return new Promise((resolve) => child.on('close', (code) => {
    const [words, left = ''] = said.split('LEFT\n');
    resolve({ code, said: words, left: left.split('\n').filter(Boolean) });
  }));
}

const program = (lines: string): string => `"$NODE" --input-type=module -e '${lines.replaceAll("'", "'\\''")}'`;
const pull = (name: string): string => `"$NODE" dist/cli.js pull ${name}`;
/** The net is there, whatever the disk says. */
const LOADS = program(`
  const { load } = await import('./dist/index.js'), { pull, list } = await import('./dist/zoo.js');
  const net = await load('zoo:person_detect'), { weights, path, unsaved } = await pull('person_detect');
  console.log(net.run(new Int8Array(9216))[0].data.length, weights.length, path, unsaved, (await list()).filter(({ cached }) => cached).length);`);

onDisk('a full disk: pull says what it could not write and where; load has its net', async () => {
  server.answers(whole(person));
  const pulled = await withDisk('64k', pull('person_detect'));
  assert.is(pulled.code, 1, pulled.said);
  assert.match(pulled.said, new RegExp(`depthwise: person_detect came, but cannot write ${disk}/person_detect.tflite: ENOSPC: no space left on device.*DEPTHWISE_CACHE`));
  assert.equal(pulled.left, []);
  const loaded = await withDisk('64k', LOADS);
  assert.match(loaded.said, new RegExp(`^2 300568 undefined cannot write ${disk}/person_detect.tflite: ENOSPC: .* 0\n$`));
  assert.equal([loaded.code, loaded.left], [0, []]);
});

onDisk('a disk that fills while a file comes in pieces: it comes all the same', async () => {
  server.answers(truncated(large, 1_500_000, '"w"'), truncated(large, 2_500_000, '"w"'), whole(large, '"w"'), whole(labels));
  const { code, said, left } = await withDisk('1536k', program(`
    const { pull } = await import('./dist/zoo.js'), { weights, labels, unsaved } = await pull('${LARGE}', { pause: 1 });
    console.log(weights.length, labels.length, unsaved);`));
  assert.match(said, new RegExp(`^${large.length} 1001 cannot write .*ENOSPC`));
  assert.equal([code, left], [0, [`imagenet_labels.txt ${labels.length}`]]);
  assert.equal(server.asked.map(({ range }) => range), [undefined, 'bytes=1500000-', 'bytes=2500000-', undefined]);
});

onDisk('a disk with room for a file, but not beside the part of it that came before', async () => {
  server.answers(whole(large, '"w"'), whole(labels));
  writeFileSync(path.join(temporary, 'part'), Buffer.concat([Buffer.from('"w"\n'), large.subarray(0, 2_000_000)]));
  const { code, said, left } = await withDisk('3400k', `cp "${temporary}/part" "$DISK/${LARGE}.tflite.part" && ${pull(LARGE)}`);
  assert.is(code, 0, said);
  assert.equal(server.asked.map(({ range }) => range), ['bytes=2000000-', undefined]);
  assert.equal(left, [`imagenet_labels.txt ${labels.length}`, `${LARGE}.tflite ${large.length}`]);
});

onDisk('what load keeps of an address: nothing on a full disk, and it loads', async () => {
  const everyday = readFileSync('weights/everyday.dw'), work = program(`
    const { load } = await import('./dist/index.js');
    for (let i = 0; i < 2; i++) console.log((await load('${server.base}/w.dw', { cache: true })).steps.length);`);
  server.answers(whole(everyday));
  const full = await withDisk('64k', work);
  assert.match(full.said, /^(\d+)\n\1\n$/);
  assert.equal([full.code, full.left, server.asked.length], [0, [], 2]);
  const roomy = await withDisk('4m', work);
  assert.is(server.asked.length, 3);
  assert.is(roomy.left.length, 1);
});

onDisk('a read-only disk: what lies on it is used, what does not is fetched each time', async () => {
  server.answers(whole(person));
  const bare = await withDisk('64k', `mount -o remount,ro "$DISK"; ${LOADS}; ${pull('person_detect')}`);
  assert.match(bare.said, new RegExp(`^2 300568 undefined cannot write ${disk}/person_detect.tflite: EROFS: .* 0\ndepthwise: person_detect came, but cannot write .*EROFS`));
  assert.equal([bare.code, bare.left], [1, []]);
  server.answers(status(500));
  const filled = await withDisk('1m', `cp ../shared/models/person_detect.tflite "$DISK"; mount -o remount,ro "$DISK"; ${LOADS}; ${pull('person_detect')}`);
  assert.is(filled.said, `2 300568 ${disk}/person_detect.tflite undefined 1\n${disk}/person_detect.tflite  300.6 kB, 2 labels, Apache-2.0\n`);
  assert.equal([filled.code, server.asked.length], [0, 0]);
});

anywhere('a cache whose path leads through a file', async () => {
  const file = path.join(temporary, 'file');
  writeFileSync(file, 'in the way');
  server.answers(whole(person));
  const { code, said } = await shell('sh', ['-c', `export DEPTHWISE_CACHE="${file}/below"; ${LOADS}; ${pull('person_detect')}`]);
  assert.match(said, new RegExp(`^2 300568 undefined cannot write ${file}/below/person_detect.tflite: (ENOTDIR|EEXIST): .* 0\ndepthwise: person_detect came, but cannot write ${file}/below`));
  assert.is(code, 1);
});

onDisk('converting onto a full or read-only disk says so, and leaves the file that was there', async () => {
  const convert = '"$NODE" dist/cli.js convert ../shared/models/person_detect.tflite -o "$DISK/p.dw"';
  const full = await withDisk('64k', `echo old > "$DISK/p.dw"; ${convert}`);
  assert.equal([full.code, full.said, full.left], [1, `depthwise: cannot write ${disk}/p.dw: the disk is full.\n`, ['p.dw 4']]);
  const readOnly = await withDisk('64k', `mount -o remount,ro "$DISK"; ${convert}`);
  assert.equal([readOnly.code, readOnly.said, readOnly.left], [1, `depthwise: cannot write ${disk}/p.dw: the disk is read-only.\n`, []]);
});

test.run();
