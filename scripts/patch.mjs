// Knows how to write one file as changes of another, for src/patch.ts to read: the relaxed build is the simd build but for
// a few hundred instructions, and a bundle with both would hold everything twice.
const SEED = 8; // bytes that must agree before a place is looked at; a copy costs about half as many

/** LEB128 of a whole number from 0 up. */
function leb(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

const zigzag = (value) => (value < 0 ? -2 * value - 1 : 2 * value);
const seedAt = (bytes, at) => bytes.toString('latin1', at, at + SEED);

function placesOf(base) {
  const places = new Map();
  for (let i = 0; i + SEED <= base.length; i++) {
    const seed = seedAt(base, i), known = places.get(seed);
    if (known) known.push(i);
    else places.set(seed, [i]);
  }
  return places;
}

function longestCopy(base, target, at, places) {
  let longest = { from: 0, length: 0 };
  for (const from of places.get(seedAt(target, at)) ?? []) {
    let length = SEED;
    while (from + length < base.length && at + length < target.length && base[from + length] === target[at + length]) length++;
    if (length > longest.length) longest = { from, length };
  }
  return longest;
}

/** Makes `target` of `base`: again and again a number of new bytes, these bytes, a number of old bytes and how far from the last ones they are. */
export function patchOf(base, target) {
  const places = placesOf(base), patch = [];
  let fresh = [], end = 0;
  const write = ({ from, length }) => {
    patch.push(...leb(fresh.length), ...fresh, ...leb(length), ...leb(zigzag(from - end)));
    [fresh, end] = [[], from + length];
  };
  for (let at = 0; at < target.length;) {
    const copy = longestCopy(base, target, at, places);
    if (copy.length) write(copy);
    else fresh.push(target[at]);
    at += copy.length || 1;
  }
  if (fresh.length) write({ from: end, length: 0 });
  return Buffer.from(patch);
}
