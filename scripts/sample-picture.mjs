// Knows how to paint weights/sample.png: oranges on a table, traced ray by ray, so that no photographer's rights are needed.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (place) => fileURLToPath(new URL(`../${place}`, import.meta.url));
const [out = at('weights/sample.png'), arrangement = 'pile', samples = '150'] = process.argv.slice(2);
const SIZE = 256;

const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const sub = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const mul = (a, s) => [a[0] * s, a[1] * s, a[2] * s];
const tint = (a, b) => [a[0] * b[0], a[1] * b[1], a[2] * b[2]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const unit = (a) => mul(a, 1 / Math.hypot(...a));
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const mix = (a, b, t) => add(mul(a, 1 - t), mul(b, t));
const smooth = (from, to, x) => {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return t * t * (3 - 2 * t);
};

let state = 12345;
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;

const hash = (x, y, z) => {
  let h = Math.imul(x, 374761393) ^ Math.imul(y, 668265263) ^ Math.imul(z, 1274126177);
  h = Math.imul(h ^ (h >>> 13), 1103515245);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
};

/** Value noise in [0, 1): smooth between random values at whole coordinates. */
function noise([x, y, z]) {
  const [i, j, k] = [Math.floor(x), Math.floor(y), Math.floor(z)];
  const [u, v, w] = [x - i, y - j, z - k].map((t) => t * t * (3 - 2 * t));
  const lerp = (a, b, t) => a + (b - a) * t;
  const edge = (dj, dk) => lerp(hash(i, j + dj, k + dk), hash(i + 1, j + dj, k + dk), u);
  return lerp(lerp(edge(0, 0), edge(1, 0), v), lerp(edge(0, 1), edge(1, 1), v), w);
}
const cloud = (p) => 0.5 * noise(p) + 0.3 * noise(mul(p, 2.1)) + 0.2 * noise(mul(p, 4.3));

/** Peel: dimples bend the normal, colour drifts between yellow-orange and red-orange, the stem end is green. */
function peel({ local, axis, seed }) {
  const grain = (p) => noise(mul(p, 17)) + 0.5 * noise(mul(p, 34));
  const p = add(local, [seed, seed * 2, 0]);
  const e = 0.012;
  const g = grain(p);
  const bump = [grain(add(p, [e, 0, 0])) - g, grain(add(p, [0, e, 0])) - g, grain(add(p, [0, 0, e])) - g];
  const normal = unit(sub(local, mul(bump, 0.55)));
  const drift = cloud(mul(p, 2.2));
  let colour = mix([0.86, 0.17, 0.005], [0.92, 0.27, 0.01], drift);
  colour = mul(colour, 0.88 + 0.14 * (g / 1.5));
  const stem = Math.acos(Math.min(1, dot(local, axis)));
  colour = mix(colour, [0.8, 0.38, 0.04], 0.5 * (1 - smooth(0.08, 0.32, stem)));
  const around = Math.atan2(local[2], local[0]);
  if (stem < 0.055 + 0.02 * Math.cos(5 * around)) colour = [0.13, 0.2, 0.035];
  return { normal, colour, gloss: 0.5 };
}

/** A cut face: rind, white pith, and ten wedges of flesh whose fibres run outwards. */
function slice({ radial, angle, seed }) {
  if (radial > 0.955) return { colour: [0.9, 0.23, 0.008], gloss: 0.3 };
  if (radial > 0.885) return { colour: [0.93, 0.82, 0.55], gloss: 0.1 };
  const turn = ((angle / (2 * Math.PI)) * 10 + 10 + 0.25 * noise([angle * 2, seed, 0])) % 1;
  const wall = Math.min(turn, 1 - turn) * radial;
  const fibre = noise([angle * 26, radial * 5, seed]);
  const flesh = mix([0.88, 0.2, 0.003], [0.98, 0.36, 0.02], fibre);
  const membrane = 1 - smooth(0.012, 0.035, wall);
  const core = 1 - smooth(0.06, 0.1, radial);
  const skin = smooth(0.84, 0.885, radial);
  return { colour: mix(flesh, [0.95, 0.75, 0.36], Math.max(membrane * 0.85, core, skin)), gloss: 0.7 };
}

/** Planks with grain along x. */
function wood([x, , z]) {
  const plank = Math.floor(z / 1.1);
  const seam = Math.abs(z / 1.1 - plank - 0.5) > 0.485 ? 0.45 : 1;
  const grain = noise([x * 0.9 + plank * 17, z * 9, plank]) * 0.5 + noise([x * 3 + plank * 5, z * 30, 2]) * 0.5;
  const tone = 0.8 + 0.4 * hash(plank, 3, 7);
  return { colour: mul(mix([0.17, 0.085, 0.04], [0.36, 0.2, 0.1], grain), seam * tone), gloss: 0.18 };
}

const orange = (x, z, radius, y = radius, axis = [0.2, 0.9, 0.4]) => ({ centre: [x, y, z], radius, axis: unit(axis), seed: x * 7.3 + z * 3.1 + 11 });
const half = (x, z, radius, face) => ({ ...orange(x, z, radius), face: unit(face) });
const ARRANGEMENTS = {
  group: [orange(-0.95, 0.2, 1, 1, [-0.3, 0.8, 0.5]), orange(1.0, 0.55, 0.96, 0.96, [0.5, 0.7, 0.6]), orange(0.1, -1.2, 1.02, 1.02), half(0.15, 2.0, 0.86, [0.12, 0.5, 1])],
  pile: [orange(-1.02, 0.1, 1, 1, [-0.5, 0.5, 0.8]), orange(1.0, 0.2, 0.98, 0.98, [0.3, 0.6, 0.7]), orange(0, -1.5, 1), orange(0.02, -0.45, 0.97, 2.45, [0.1, 0.5, 0.8]), orange(-0.1, 1.85, 0.93, 0.93, [0.6, 0.8, 0.3])],
  single: [orange(-0.3, 0, 1.25, 1.25, [-0.2, 0.85, 0.5]), half(1.5, 1.1, 1.0, [-0.25, 0.42, 1])],
};
const fruits = ARRANGEMENTS[arrangement];
const LIGHT = unit([-0.55, 0.8, 0.45]);

/** Nearest crossing of the ray with a fruit's skin or cut face, or undefined. */
function hitFruit(fruit, from, way, limit) {
  const m = sub(from, fruit.centre);
  const b = dot(m, way);
  const disc = b * b - dot(m, m) + fruit.radius ** 2;
  if (disc < 0) return undefined;
  const root = Math.sqrt(disc);
  for (const t of [-b - root, -b + root]) {
    if (t < 1e-3 || t > limit) continue;
    const local = mul(add(m, mul(way, t)), 1 / fruit.radius);
    if (!fruit.face || dot(local, fruit.face) < 0) return cutFirst(fruit, m, way, t) ?? { t, fruit, local };
  }
  return fruit.face && cutFirst(fruit, m, way, limit);
}

function cutFirst(fruit, m, way, limit) {
  if (!fruit.face) return undefined;
  const t = -dot(m, fruit.face) / dot(way, fruit.face);
  if (!(t > 1e-3) || t > limit) return undefined;
  const local = mul(add(m, mul(way, t)), 1 / fruit.radius);
  const radial = Math.hypot(...local);
  return radial < 1 ? { t, fruit, local, radial } : undefined;
}

function trace(from, way) {
  let hit = way[1] < -1e-4 ? { t: -from[1] / way[1] } : { t: Infinity };
  if (hit.t < 1e-3) hit = { t: Infinity };
  for (const fruit of fruits) hit = hitFruit(fruit, from, way, hit.t) ?? hit;
  return hit;
}

function surface(hit, point) {
  if (!hit.fruit) return { normal: [0, 1, 0], ...wood(point) };
  const { fruit, local, radial } = hit;
  if (radial === undefined) return peel({ local, axis: fruit.axis, seed: fruit.seed });
  const u = unit(cross(fruit.face, [0.3, 1, 0.2]));
  const angle = Math.atan2(dot(local, cross(fruit.face, u)), dot(local, u));
  const wet = (noise(mul(local, 40)) - 0.5) * 0.25;
  return { normal: unit(add(fruit.face, [wet, wet, -wet])), ...slice({ radial, angle, seed: fruit.seed }) };
}

/** A room out of focus: a bright window to the left, a dim wall with a green blur, darker below. */
function room(way) {
  const height = smooth(-0.3, 0.8, way[1]);
  const wall = mix([0.2, 0.17, 0.14], [0.62, 0.64, 0.66], height);
  const plant = Math.exp(-8 * ((way[0] - 0.35) ** 2 + (way[1] + 0.12) ** 2 * 3));
  return mix(wall, [0.12, 0.22, 0.07], way[2] < 0 ? 0.7 * plant : 0);
}

function sunlight(point, normal) {
  const jitter = [random() - 0.5, random() - 0.5, random() - 0.5];
  const way = unit(add(LIGHT, mul(jitter, 0.32)));
  const cosine = dot(normal, way);
  return cosine > 0 && trace(point, way).t === Infinity ? cosine * 2.3 : 0;
}

function scatter(normal) {
  for (;;) {
    const p = [random() * 2 - 1, random() * 2 - 1, random() * 2 - 1];
    const length = dot(p, p);
    if (length <= 1 && length > 1e-4) return unit(add(normal, mul(p, 1 / Math.sqrt(length))));
  }
}

function radiance(from, way, depth) {
  const hit = trace(from, way);
  if (hit.t === Infinity) return room(way);
  const point = add(from, mul(way, hit.t));
  const { normal, colour, gloss } = surface(hit, point);
  const lifted = add(point, mul(normal, 2e-3));
  const facing = Math.max(0, -dot(normal, way));
  const fresnel = gloss * (0.04 + 0.5 * (1 - facing) ** 5);
  const mirror = sub(way, mul(normal, 2 * dot(normal, way)));
  const shine = gloss * 0.9 * Math.max(0, dot(mirror, LIGHT)) ** 45;
  const sun = sunlight(lifted, normal);
  const bounced = depth ? radiance(lifted, scatter(normal), depth - 1) : [0.2, 0.19, 0.18];
  const matt = tint(colour, add([sun, sun * 0.97, sun * 0.9], bounced));
  return add(mix(matt, room(mirror), fresnel), mul([1, 0.98, 0.93], sun > 0 ? shine : 0));
}

/** Bright values roll off as on film; then sRGB's curve. */
const develop = (value) => 255 * Math.min(1, 1 - Math.exp(-0.85 * value)) ** (1 / 2.2);

function paint() {
  const [eye, target] = [[0, 3.6, 7.2], { group: [0.05, 0.75, 0.5], pile: [0.05, 1.35, 0], single: [0.35, 0.95, 0.3] }[arrangement]];
  const forward = unit(sub(target, eye));
  const right = unit(cross(forward, [0, 1, 0]));
  const up = cross(right, forward);
  const zoom = { group: 3.5, pile: 3.3, single: 3.3 }[arrangement];
  const pixels = new Uint8ClampedArray(SIZE * SIZE * 4).fill(255);
  for (let y = 0, i = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++, i += 4) {
      let sum = [0, 0, 0];
      for (let s = 0; s < Number(samples); s++) {
        const [u, v] = [((x + random()) / SIZE) * 2 - 1, 1 - ((y + random()) / SIZE) * 2];
        sum = add(sum, radiance(eye, unit(add(mul(forward, zoom), add(mul(right, u), mul(up, v)))), 2));
      }
      for (let c = 0; c < 3; c++) pixels[i + c] = develop(sum[c] / Number(samples));
    }
  }
  return pixels;
}

globalThis.ImageData ??= class {
  constructor(data, width, height) {
    Object.assign(this, { data, width, height });
  }
};
const { default: encode, init } = await import('@jsquash/png/encode.js');
await init(new WebAssembly.Module(readFileSync(at('node_modules/@jsquash/png/codec/pkg/squoosh_png_bg.wasm'))));
const png = new Uint8Array(await encode({ data: paint(), width: SIZE, height: SIZE }));
writeFileSync(out, png);
console.log(`${out}: ${SIZE} x ${SIZE}, ${(png.length / 1000).toFixed(1)} kB`);
