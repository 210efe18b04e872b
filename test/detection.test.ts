// Checks detection against TensorFlow Lite: real pictures and made-up boxes, byte for byte, and what damaged or odd files do.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../src/compile/plan.js';
import type { Build } from '../src/engine.js';
import { DepthwiseError } from '../src/error.js';
import { readFlexMap } from '../src/formats/flexbuffer.js';
import type { Detection, Graph, Tensor } from '../src/formats/graph.js';
import { shapeDetection } from '../src/formats/tflite-detection.js';
import { readTflite } from '../src/formats/tflite.js';
import { convert, load, loadGraph } from '../src/load.js';
import type { Output } from '../src/net.js';
import { testedBuilds } from './builds.js';
import { Random } from './random-graph.js';
import { decodeBox, detections } from './reference-detection.js';

interface Vector { name: string; model: string; inputs: string[]; outputs: string[]; rows?: number | null; each?: number; told?: number }

const { cases } = JSON.parse(gunzipSync(readFileSync('test/vectors/detection.json.gz')).toString()) as { cases: Vector[] };
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const bytesIn = ({ data }: Output): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const floatsOf = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);
const shared = path.resolve('../shared');

/**
 * TensorFlow Lite leaves memory as it was behind the last detection, and behind the last class of each where there are
 * fewer than asked for: only what it writes is compared, the rest must be 0.
 */
function sameDetections(got: Output[], expected: Float32Array[], { rows, each = 1, told = 1 }: Vector, what: string): void {
  const count = expected[3][0], written = rows ?? count * each;
  assert.is(got[3].data[0], count, `${what}: count`);
  for (const [i, values] of [4, 1, 1].entries()) {
    got[i].data.forEach((value, at) => {
      const row = Math.floor(at / values), isTold = row < written && (rows || row % each < told);
      if (!Object.is(value, isTold ? expected[i][at] : 0)) assert.unreachable(`${what}: output ${i}, row ${row} has ${value}, expected ${isTold ? expected[i][at] : 0}`);
    });
  }
}

const builds: Build[] = [...await testedBuilds(), 'js'];

for (const build of builds) {
  for (const vector of cases) {
    test(`${build}: ${vector.name}, as TensorFlow Lite`, async () => {
      const net = await load(bytesOf(vector.model), { build }), got = net.run(...vector.inputs.map(bytesOf)), expected = vector.outputs.map(bytesOf);
      if (vector.each) sameDetections(got, expected.map(floatsOf), vector, vector.name);
      else assert.equal(bytesIn(got[0]), expected[0]);
      net.dispose();
    });
  }

  if (existsSync(shared)) {
    for (const plan of build === 'js' ? ['fast' as const] : ['fast', 'small', 'layers'] as const) {
      test(`${build}: SSD MobileNet V1, every picture, ${plan} plan: boxes, classes, scores and count to the bit`, async () => {
        const dir = path.join(shared, 'oracle/ssd_mobilenet_v1_uint8'), manifest = JSON.parse(readFileSync(path.join(dir, 'manifest.json'), 'utf8'));
        const bytes = new Uint8Array(readFileSync(path.join(dir, manifest.model))), net = await (plan === 'small' ? load(await convert(bytes, { plan }), { build }) : load(bytes, { build, plan }));
        for (const { input, outputs } of manifest.cases) {
          const got = net.run(new Uint8Array(readFileSync(path.join(dir, input.file))));
          outputs.forEach(({ file }: { file: string }, i: number) => assert.equal(bytesIn(got[i]), new Uint8Array(readFileSync(path.join(dir, file))), file));
        }
        net.dispose();
      });
    }
  } else console.log('NOT RUN: ../shared is absent, so no real detector was compared with its reference');
}

// ---- random boxes against naive loops, with guard bytes, odd values and damaged files

interface Made { graph: Graph; inputs: Float32Array[]; detection: Detection; anchors: number[][]; columns: number }

/** Random float32 boxes and scores on a coarse grid, so that many are equal. */
function madeUp(random: Random): Made {
  const boxes = random.of([1, 2, 3, 17, 60]), classes = random.of([1, 2, 5]), columns = classes + random.below(2), values = random.of([4, 4, 7]), regular = random.below(2) > 0;
  const detection: Detection = {
    maxDetections: random.of([1, 3, 10, 80]), maxClassesPerDetection: regular ? 1 : random.of([1, 1, 2, 6]), regular, detectionsPerClass: random.of([1, 4, 100]), classes,
    scoreThreshold: random.of([-1, 0.2, 0.5]), iouThreshold: random.of([0.1, 0.5, 1]), scales: [10, 10, 5, 5],
    ...(random.below(2) && { candidates: random.of([1, 5, 300]), greatestSize: 4, clipped: true }),
  };
  const anchors = Array.from({ length: boxes }, () => [0.5, 0.5, 0.5, 0.5].map((x) => Math.fround(x * random.between(0.2, 1.6))));
  const room = detection.maxDetections * detection.maxClassesPerDetection, tensor = (name: string, shape: number[], data?: Uint8Array): Tensor => ({ name, shape, dtype: 'float32', ...(data && { data }) });
  const graph: Graph = {
    tensors: [
      tensor('encodings', [1, boxes, values]), tensor('scores', [1, boxes, columns]), tensor('anchors', [boxes, 4], new Uint8Array(Float32Array.from(anchors.flat()).buffer)),
      tensor('boxes', [1, room, 4]), tensor('classes', [1, room]), tensor('likelihoods', [1, room]), tensor('count', [1]),
    ],
    operators: [{ attributes: { kind: 'detection', ...detection }, inputs: [0, 1, 2], outputs: [3, 4, 5, 6], where: 'operator 0 (detection)' }],
    inputs: [0, 1], outputs: [3, 4, 5, 6], about: {},
  };
  const steps = random.of([3, 1000]), inputs = [
    Float32Array.from({ length: boxes * values }, () => random.between(-8, 8)), Float32Array.from({ length: boxes * columns }, () => Math.floor(random.next() * steps) / steps),
  ];
  return { graph, inputs, detection, anchors, columns };
}

const rowsOf = (values: Float32Array, width: number): number[][] => Array.from({ length: values.length / width }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);

async function guarded(build: Build, { graph, inputs }: Made): Promise<Float32Array[]> {
  const net = await loadGraph(graph, { build, guard: true, plan: 'layers' }), answers = net.run(...inputs).map(({ data }) => Float32Array.from(data));
  assert.equal(net.checkGuards(), [], 'bytes outside of a buffer were written');
  net.dispose();
  return answers;
}

for (const build of builds) {
  test(`${build}: 120 random detections as naive loops make them`, async () => {
    for (let seed = 1; seed <= 120; seed++) {
      const made = madeUp(new Random(seed)), { detection, anchors, columns, inputs } = made, values = inputs[0].length / anchors.length;
      const boxes = rowsOf(inputs[0], values).map((row, i) => decodeBox(row, anchors[i], detection));
      const expected = detections(boxes, rowsOf(inputs[1], columns).map((row) => row.slice(columns - detection.classes)), detection);
      const [places, classes, scores, [count]] = await guarded(build, made), each = detection.maxClassesPerDetection, told = Math.min(each, detection.classes), what = `SEED ${seed} ${JSON.stringify(detection)}`;
      assert.is(count * told, expected.length, what);
      expected.forEach(({ box, kind, score }, i) => {
        const at = Math.floor(i / told) * each + (i % told);
        assert.equal([...places.subarray(at * 4, at * 4 + 4)], box, what);
        assert.is(scores[at], score, what);
        if (told === 1) assert.is(classes[at], kind, what);
      });
    }
  });

  test(`${build}: NaN, infinite and huge values are survived, and boxes the wrong way round are no detections`, async () => {
    for (const value of [NaN, Infinity, -Infinity, 1e38, -1e38, 1e-40]) {
      for (let seed = 1; seed <= 6; seed++) {
        const made = madeUp(new Random(seed)), [, , , [count]] = await guarded(build, { ...made, inputs: made.inputs.map((input) => input.map((x, i) => (i % 3 ? x : value))) });
        assert.ok(count >= 0 && count <= made.detection.maxDetections);
      }
    }
    const made = madeUp(new Random(3));
    Object.assign(made.graph.operators[0].attributes, { clipped: false });
    made.graph.tensors[2].data = new Uint8Array(Float32Array.from(made.anchors.flatMap(([y, x, h, w]) => [y, x, -h, w])).buffer);
    assert.is((await guarded(build, made))[3][0], 0);
  });
}

/** Names sorted, all values and offsets of four bytes. */
function flexMap(entries: Record<string, number | boolean>): Uint8Array {
  const names = Object.keys(entries).sort(), out: number[] = [];
  const uint = (value: number): void => { out.push(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255); };
  const places = names.map((name) => out.push(...Buffer.from(`${name}\0`)) - name.length - 1);
  uint(names.length);
  const keys = out.length;
  places.forEach((place) => uint(out.length - place));
  uint(out.length - keys);
  uint(4);
  uint(names.length);
  const map = out.length, whole = (value: unknown): value is number => Number.isInteger(value);
  names.forEach((name) => (whole(entries[name]) || entries[name] === true ? uint(Number(entries[name])) : out.push(...new Uint8Array(Float32Array.of(Number(entries[name])).buffer))));
  names.forEach((name) => out.push((whole(entries[name]) ? 1 : entries[name] === true ? 26 : 3) << 2 | 2));
  uint(out.length - map);
  return Uint8Array.from([...out, 9 << 2 | 2, 4]);
}

const refused = (code: string, pattern: RegExp) => (error: unknown): boolean => error instanceof DepthwiseError && error.code === code && pattern.test(error.message);

test('options in FlexBuffers are read, and damaged ones are refused or read as other numbers', () => {
  const sound = flexMap({ max_detections: 10, use_regular_nms: true, y_scale: 2.5, num_classes: -300 });
  assert.equal([...readFlexMap(sound, 'x')], [['max_detections', 10], ['num_classes', -300], ['use_regular_nms', 1], ['y_scale', 2.5]]);
  const random = new Random(11);
  let read = 0;
  for (let round = 0; round < 3000; round++) {
    const changed = sound.slice(0, random.below(4) ? sound.length : random.below(sound.length));
    for (let n = random.below(3); n >= 0 && changed.length; n--) changed[random.below(changed.length)] = random.of([0, 255, 1, 8, random.below(256)]);
    try {
      readFlexMap(changed, 'operator 3 (X)');
      read++;
    } catch (error) {
      assert.ok(refused('BAD_FILE', /operator 3 \(X\)/)(error), `round ${round}: ${error}`);
    }
  }
  assert.ok(read > 100 && read < 2900, `${read} of 3000 read`);
});

test('a detector whose parts do not fit together is refused', () => {
  const base = bytesOf(cases[0].model);
  const changed = (change: (operator: Graph) => void): Graph => {
    const graph = readTflite(base);
    change(graph);
    return graph;
  };
  assert.is(changed(() => undefined).outputs.length, 4);
  const text = (at: string, to: string): Uint8Array => new Uint8Array(Buffer.from(Buffer.from(base).toString('latin1').replace(at, to), 'latin1'));
  assert.throws(() => readTflite(text('num_classes', 'num_klasses')), refused('BAD_FILE', /operator 0 \(TFLite_Detection_PostProcess\) has num_classes 0/));
  assert.throws(() => readTflite(text('nms_iou_threshold', 'nms_iou_thresh0ld')), refused('BAD_FILE', /nms_iou_threshold/));
  assert.throws(() => readTflite(text('TFLite_Detection_PostProcess', 'TFLite_Detection_PostPr0cess')), refused('UNSUPPORTED', /operator 0 \(TFLite_Detection_PostPr0cess\)/));
  const [{ attributes, ...rest }] = readTflite(base).operators, { tensors } = readTflite(base);
  for (const wrong of [{ classes: 3 }, { classes: 7 }, { maxDetections: 65536, maxClassesPerDetection: 2 }]) {
    const operator = { ...rest, attributes: { ...attributes, ...wrong } as typeof attributes };
    assert.throws(() => shapeDetection(operator, [...tensors]), refused('BAD_FILE', /operator 0 .*(\d classes|makes room for 131072)/));
  }
  assert.throws(() => compile(changed(({ tensors }) => { delete tensors[2].data; })), refused('UNSUPPORTED', /anchors/));
});

test.run();
