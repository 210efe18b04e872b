// Checks search in every build of it against a naive reference: which rows, in which order, with which scores; what is
// refused; and that saved files come back whole or not at all.
import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import scalar from '../build/wasm/search-scalar.wasm';
import simd from '../build/wasm/search-simd.wasm';
import { writeIndex } from '../src/search/file.js';
import { writeQuery, writeRow } from '../src/search/vectors.js';
import { cosine, createIndex, DepthwiseError, loadIndex } from '../src/search.js';
import type { IndexType, Match, SearchBuild } from '../src/search.js';
import { Random } from './random-graph.js';
import { greatest, similarities } from './reference.js';

const CASES = Number(process.env.CASES ?? 40);
const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: CASES }, (_, i) => i + 1);
const BUILDS: SearchBuild[] = ['scalar', 'simd'];
const TYPES: IndexType[] = ['int8', 'float32'];

const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest());

const fails = (work: () => unknown, code: string, words: RegExp): void => {
  assert.throws(work, (error: unknown) => error instanceof DepthwiseError && error.code === code && (words.test(error.message) || assert.unreachable(error.message)), `expected ${code} ${words}`);
};
const rejects = async (work: Promise<unknown>, code: string, words: RegExp): Promise<void> => {
  const error = await work.then(() => undefined, (cause: unknown) => cause);
  fails(() => { throw error; }, code, words);
};

const DIMENSIONS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 31, 33, 63, 64, 65, 100, 127, 577, 1024];
/** Small whole numbers often tie. */
const vectorOf = (random: Random, dimensions: number, whole: boolean): number[] => {
  const values = Array.from({ length: dimensions }, () => (whole ? random.below(5) - 2 : Math.fround(random.between(-1, 1))));
  return values.some((value) => value) ? values : [1, ...values.slice(1)];
};

/** The same rows and query to every build; each must answer as the reference, and all the same bits. */
function answersOf(dtype: IndexType, rows: number[][], query: number[], topK: number, what: string): void {
  const answers = BUILDS.map((build) => {
    const index = createIndex({ dimensions: query.length, dtype, build });
    index.addAll(rows.map((row, i) => [`key ${i}`, row] as const));
    assert.is(index.build, build);
    return index.search(query, { topK });
  });
  assert.equal(answers[1], answers[0], `${what}: scalar and simd differ`);
  checkAnswer(answers[0], dtype, rows, query, topK, what);
}

function checkAnswer(answer: Match[], dtype: IndexType, rows: number[][], query: number[], topK: number, what: string): void {
  const expected = similarities(query, rows, dtype), tolerance = dtype === 'int8' ? 1e-15 : 1e-6;
  assert.is(answer.length, Math.min(topK, rows.length), what);
  answer.forEach(({ key, index, score }, i) => {
    assert.is(key, `key ${index}`, what);
    assert.ok(Math.abs(score - Math.min(1, expected[index])) <= tolerance, `${what}: row ${index} has ${score}, expected ${expected[index]}`);
    assert.ok(score <= 1 && (i === 0 || score < answer[i - 1].score || (score === answer[i - 1].score && index > answer[i - 1].index)), `${what}: out of order at ${i}`);
  });
  if (dtype === 'int8') assert.equal(answer.map(({ index }) => index), greatest(expected, topK), what);
  const taken = new Set(answer.map(({ index }) => index)), worst = answer.at(-1)!.score;
  assert.ok(expected.every((value, row) => taken.has(row) || value <= worst + 2 * tolerance), `${what}: a better row was passed over`);
}

for (const dtype of TYPES) {
  test(`${dtype}: ${seeds.length} random matrices, odd dimensions, ties, more and fewer rows than asked for`, () => {
    for (const seed of seeds) {
      const random = new Random(seed * 104729), dimensions = random.of(DIMENSIONS), whole = random.below(2) === 0;
      const rows = Array.from({ length: 1 + random.below(200) }, () => vectorOf(random, dimensions, whole)), topK = random.of([1, 2, 3, 10, 50, 199, 1000]);
      answersOf(dtype, rows, vectorOf(random, dimensions, whole), topK, `SEED=${seed}, ${rows.length} rows of ${dimensions}, top ${topK}`);
    }
  });

  test(`${dtype}: scale does not count, the opposite is -1, and equal rows come by index`, () => {
    const index = createIndex({ dimensions: 3, dtype });
    index.addAll([['a', [0.1, 0.2, -0.3]], ['b', [-1e-20, -2e-20, 3e-20]], ['c', [1e20, 2e20, -3e20]], ['d', Float32Array.of(0.1, 0.2, -0.3)]]);
    const found = index.search([5, 10, -15]);
    assert.equal(found.map(({ key }) => key), dtype === 'int8' ? ['a', 'c', 'd', 'b'] : found.map(({ key }) => key));
    assert.is(found[3].key, 'b');
    found.forEach(({ score }, i) => assert.ok(Math.abs(score - (i < 3 ? 1 : -1)) < (dtype === 'int8' ? 1e-4 : 1e-6), `${score}`));
  });

  test(`${dtype}: what points nowhere, or has another size, is refused and changes nothing`, () => {
    const index = createIndex({ dimensions: 3, dtype });
    index.add('kept', [1, 2, 3]);
    const before = index.search([1, 0, 0]);
    for (const add of [(vector: number[]) => index.add('new', vector), (vector: number[]) => index.add('kept', vector), (vector: number[]) => index.search(vector)]) {
      fails(() => add([0, 0, 0]), 'BAD_INPUT', /length zero: it points nowhere/);
      fails(() => add([1, NaN, 0]), 'BAD_INPUT', /holds NaN at place 1/);
      fails(() => add([1, 0, -Infinity]), 'BAD_INPUT', /holds -Infinity at place 2/);
      fails(() => add([1e200, 0, 0]), 'BAD_INPUT', /length infinity/);
      fails(() => add([1, 2]), 'BAD_INPUT', /has 2 values; this index holds vectors of 3/);
      fails(() => add(undefined as never), 'BAD_INPUT', /has no values/);
    }
    fails(() => index.add(7 as never, [1, 2, 3]), 'BAD_INPUT', /A key is a string, not number/);
    for (const topK of [0, -1, 1.5, NaN]) fails(() => index.search([1, 2, 3], { topK }), 'BAD_INPUT', /topK/);
    assert.equal([...index.keys()], ['kept']);
    assert.equal(index.search([1, 0, 0]), before);
    assert.equal(createIndex({ dimensions: 3, dtype }).search([1, 2, 3]), []);
  });

  test(`${dtype}: adding, replacing, removing and searching by turns is as with a plain list`, () => {
    const random = new Random(7), dimensions = 19, index = createIndex({ dimensions, dtype });
    const keys: string[] = [], rows: number[][] = [];
    for (let turn = 0; turn < 600; turn++) {
      const key = `key ${random.below(60)}`, at = keys.indexOf(key), vector = vectorOf(random, dimensions, false);
      if (random.below(3) > 0) {
        index.add(key, vector);
        const row = at < 0 ? keys.length : at;
        keys[row] = key, rows[row] = vector;
      } else {
        assert.is(index.remove(key), at >= 0);
        const last = keys.length - 1;
        if (at >= 0) keys[at] = keys[last], rows[at] = rows[last], keys.pop(), rows.pop();
      }
      assert.is(index.has(key), keys.includes(key));
      assert.is(index.size, keys.length);
      if (turn % 10 || !keys.length) continue;
      assert.equal([...index.keys()], keys);
      const query = vectorOf(random, dimensions, false), found = index.search(query, { topK: 7 });
      assert.equal(found.map(({ key: name }) => name), found.map(({ index: row }) => keys[row]));
      checkAnswer(found.map((match) => ({ ...match, key: `key ${match.index}` })), dtype, rows, query, 7, `turn ${turn}`);
    }
  });

  test(`${dtype}: a saved index comes back the same, byte for byte, from a view at any place`, async () => {
    const random = new Random(5), dimensions = 37, index = createIndex({ dimensions, dtype, about: { weights: 'everyday', size: 3 } });
    for (let i = 0; i < 300; i++) index.add(`photo ${i} äöü \ud800 日本`, vectorOf(random, dimensions, false));
    index.remove('photo 7 äöü \ud800 日本');
    const bytes = await index.save(), query = vectorOf(random, dimensions, false), shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    for (const source of [bytes, bytes.buffer, shifted.subarray(3)]) {
      const loaded = await loadIndex(source);
      assert.equal([loaded.size, loaded.dimensions, loaded.dtype, loaded.about], [299, dimensions, dtype, { weights: 'everyday', size: 3 }]);
      assert.equal([...loaded.keys()], [...index.keys()]);
      assert.equal(loaded.search(query, { topK: 299 }), index.search(query, { topK: 299 }));
      assert.equal(await loaded.save(), bytes);
      loaded.add('one more', query);
      assert.is(loaded.search(query)[0].key, 'one more');
    }
    const empty = await loadIndex(await createIndex({ dimensions, dtype }).save());
    assert.is(empty.size, 0);
  });

  test(`${dtype}: thousands of vectors make the memory grow, and keep what was there`, () => {
    const random = new Random(11), dimensions = 250, index = createIndex({ dimensions, dtype }), small = index.memory.totalBytes;
    const vectors = Array.from({ length: 2000 }, () => vectorOf(random, dimensions, false));
    vectors.forEach((vector, i) => {
      index.add(`${i}`, vector);
      if (i % 97 === 0) assert.is(index.search(vector, { topK: i + 1 }).length, i + 1, 'results lie behind the rows');
    });
    vectors.forEach((vector, i) => i % 50 || assert.is(index.search(vector, { topK: 1 })[0].key, `${i}`));
    assert.ok(index.memory.totalBytes > 4 * small);
    assert.ok(index.memory.vectorsBytes >= 2000 * dimensions * (dtype === 'int8' ? 1 : 4) && index.memory.vectorsBytes <= index.memory.totalBytes);
    const roomy = createIndex({ dimensions, dtype, capacity: 2000 }), total = roomy.memory.totalBytes;
    roomy.addAll(vectors.map((vector, i) => [`${i}`, vector] as const));
    assert.is(roomy.memory.totalBytes, total, 'room for all was made at once');
  });
}

test('memory that a host does not give, or that WebAssembly has not, is an error that says what to do', () => {
  fails(() => createIndex({ dimensions: 1024, capacity: 5_000_000 }), 'OUT_OF_MEMORY', /5000000 vectors of 1024 as int8 need 4960 MiB.*WebAssembly has 4095.*several indexes/);
  const { grow } = WebAssembly.Memory.prototype, index = createIndex({ dimensions: 1024, dtype: 'float32' });
  try {
    WebAssembly.Memory.prototype.grow = () => { throw new RangeError('no'); };
    index.add('fits', new Float32Array(1024).fill(1));
    fails(() => { for (let i = 0; ; i++) index.add(`${i}`, new Float32Array(1024).fill(1)); }, 'OUT_OF_MEMORY', /this host does not give.*dtype 'int8'/);
  } finally {
    WebAssembly.Memory.prototype.grow = grow;
  }
  assert.is(index.search(new Float32Array(1024).fill(1), { topK: 1 }).length, 1, 'what is there can still be searched');
});

test('a file of several hashed pieces comes back, and a byte changed in any of them is seen', async () => {
  const index = createIndex({ dimensions: 65_536, dtype: 'float32' }), random = new Random(2), piece = 2 ** 24;
  for (let i = 0; i < 150; i++) index.add(`${i}`, Float32Array.from({ length: 65_536 }, () => random.next() - 0.5));
  const bytes = await index.save();
  assert.ok(bytes.length > 2 * piece && bytes.length < 3 * piece);
  assert.equal(bytes.subarray(16, 48), sha256(Uint8Array.from([0, 1, 2].flatMap((i) => [...sha256(bytes.subarray(48 + i * piece, Math.min(bytes.length, 48 + (i + 1) * piece)))]))));
  assert.is((await loadIndex(bytes)).size, 150);
  for (const at of [piece, piece + 48, bytes.length - 1]) {
    bytes[at] ^= 1;
    await rejects(loadIndex(bytes), 'BAD_FILE', /SHA-256/);
    bytes[at] ^= 1;
  }
});

test('options that cannot be are refused when the index is made', () => {
  for (const dimensions of [0, 1.5, -3, 65_537, undefined]) fails(() => createIndex({ dimensions: dimensions as number }), 'BAD_INPUT', /dimensions is a whole number from 1 to 65536/);
  fails(() => createIndex({ dimensions: 3, dtype: 'float16' as never }), 'BAD_INPUT', /int8 or float32, not "float16"/);
  fails(() => createIndex({ dimensions: 3, capacity: -1 }), 'BAD_INPUT', /capacity/);
  fails(() => createIndex({ dimensions: 3, about: { big: 1n } }), 'BAD_INPUT', /JSON cannot say/);
  fails(() => createIndex({ dimensions: 3, build: 'fast' as never }), 'BAD_INPUT', /build is scalar or simd, not "fast"/);
});

test('the longest rows still have exact sums', () => {
  const dimensions = 65_536, most = new Float32Array(dimensions).fill(-3), index = createIndex({ dimensions });
  index.addAll([['same', most], ['opposite', most.map((value) => -value)]]);
  assert.equal(index.search(most).map(({ key, score }) => [key, Math.abs(Math.abs(score) - 1) < 1e-12]), [['same', true], ['opposite', true]]);
});

test('a file that is damaged anywhere, cut short or no index is refused', async () => {
  const index = createIndex({ dimensions: 5 });
  index.addAll([['a', [1, 2, 3, 4, 5]], ['b', [5, 4, 3, 2, 1]]]);
  const bytes = await index.save();
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at] ^= 1 << (at % 8);
    if (at >= 12 && at < 16) continue; // reserved, not read
    const error = await loadIndex(damaged).then(() => undefined, (cause: unknown) => cause as DepthwiseError);
    assert.ok(error instanceof DepthwiseError && error.code === (at >= 8 && at < 12 ? 'UNSUPPORTED' : 'BAD_FILE'), `byte ${at}: ${error}`);
  }
  for (let length = 0; length < bytes.length; length++) await rejects(loadIndex(bytes.slice(0, length)), 'BAD_FILE', /no index|too short|truncated/);
  await rejects(loadIndex(Uint8Array.from([...bytes, 0])), 'BAD_FILE', /something appended/);
  await rejects(loadIndex(new Uint8Array(200)), 'BAD_FILE', /200 bytes are no index/);
  for (const keys of [['a'], ['a', 'a'], ['a', 7], 'ab', null]) {
    const hostile = await writeIndex({ type: 'int8', dimensions: 5, keys: keys as string[] ?? [], about: {}, rows: bytes.subarray(-32) });
    const words = new DataView(hostile.buffer);
    words.setUint32(56, 2, true);
    hostile.set(sha256(sha256(hostile.subarray(48))), 16);
    await rejects(loadIndex(hostile), 'BAD_FILE', /not as many keys|describes|truncated/);
  }
});

const wasm = { scalar, simd };
for (const build of BUILDS) {
  test(`${build}: exports two searches, and writes the best rows and nothing else`, () => {
    const module = new WebAssembly.Module(Buffer.from(wasm[build], 'base64')), memory = new WebAssembly.Memory({ initial: 2 });
    assert.equal(WebAssembly.Module.exports(module).map(({ name }) => name).sort(), ['memory', 'searchFloat32', 'searchInt8']);
    const { searchInt8, searchFloat32 } = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<string, (...words: number[]) => number>;
    const random = new Random(3), bytes = new Uint8Array(memory.buffer).map(() => random.below(256)), best = 70_000;
    for (const [search, rowBytes] of [[searchInt8, 16], [searchInt8, 48], [searchFloat32, 64], [searchFloat32, 192]] as const) {
      for (const [count, wanted] of [[0, 1], [1, 1], [1, 5], [9, 4], [40, 40]]) {
        new Uint8Array(memory.buffer).set(bytes);
        new Float32Array(memory.buffer, 4096, (count * rowBytes) / 4).fill(0.25); // float32 rows and, in int8 rows, factors that are numbers
        const before = new Uint8Array(memory.buffer).slice(), found = search(4096, count, rowBytes, 64, best, wanted);
        const after = new Uint8Array(memory.buffer), changed = before.map((byte, i) => Number(byte !== after[i])).lastIndexOf(1);
        assert.ok(found <= Math.min(count, wanted));
        assert.ok(changed < best + wanted * 12 && before.subarray(0, best).every((byte, i) => byte === after[i]), `${count} rows of ${rowBytes}, ${wanted} wanted`);
      }
    }
  });
}

for (const build of BUILDS) {
  test(`${build}: rows up to the last address of 4 GiB are found`, () => {
    let memory: WebAssembly.Memory;
    try {
      memory = new WebAssembly.Memory({ initial: 65535 }); // pages that nobody touches cost nothing
    } catch (error) {
      return console.log(`NOT RUN: this machine gives no 4 GiB (${(error as Error).message})`);
    }
    const module = new WebAssembly.Module(Buffer.from(wasm[build], 'base64')), { searchInt8, searchFloat32 } = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<string, (...words: number[]) => number>;
    const { buffer } = memory, count = 5, best = 4096;
    for (const [type, rowBytes, search] of [['int8', 16, searchInt8], ['float32', 64, searchFloat32]] as const) {
      const start = buffer.byteLength - count * rowBytes, query = [3, 1, -2, 5], rows = [[1, 0, 0, 0], [-3, -1, 2, -5], [0, 1, 1, 1], [3, 1, -2, 4], [3, 1, -2, 5]];
      rows.forEach((row, i) => writeRow(type, row, 'a row', buffer, start + i * rowBytes));
      writeQuery(type, query, buffer, 64);
      assert.is(search(start, count, rowBytes, 64, best, count), count);
      assert.equal([...new Int32Array(buffer, best + count * 8, count)], greatest(similarities(query, rows, type), count), type);
      new Uint8Array(buffer, start).fill(0);
      new Uint8Array(buffer, 64, 256).fill(0);
    }
  });
}

test('cosine of two vectors is that of the definition', () => {
  const random = new Random(1);
  for (const dimensions of [1, 2, 577]) {
    const [a, b] = [vectorOf(random, dimensions, false), vectorOf(random, dimensions, false)];
    const expected = a.reduce((sum, value, i) => sum + value * b[i], 0) / Math.hypot(...a) / Math.hypot(...b);
    assert.ok(Math.abs(cosine(a, Float32Array.from(b)) - expected) < 1e-6);
    assert.ok(cosine(a, a) <= 1 && cosine(a, a) > 1 - 1e-12);
  }
  fails(() => cosine([1, 2], [1]), 'BAD_INPUT', /2 and 1 values/);
  fails(() => cosine([1, 2], [0, 0]), 'BAD_INPUT', /The second vector has length zero/);
});

test.run();
