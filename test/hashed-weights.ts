// Knows weights that are a hash of name and index, the same as test/vectors/segmentation-torchvision.py makes, and how they
// become a .safetensors file. A whole network needs no file in the repository that way.

/** Uniform in [-1, 1): FNV-1a of the name, then a multiplicative hash of each index; 24 bits of it. */
export function hashed(name: string, count: number): Float64Array {
  let seed = 2166136261;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619) >>> 0;
  return Float64Array.from({ length: count }, (_, i) => {
    let h = (Math.imul(i, 2654435761) ^ seed) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x7feb352d) >>> 0;
    h = Math.imul(h ^ (h >>> 15), 0x846ca68b) >>> 0;
    return ((h ^ (h >>> 16)) >>> 8) / 2 ** 23 - 1;
  });
}

const product = (sizes: number[]): number => sizes.reduce((n, d) => n * d, 1);

function weight(name: string, shape: number[]): Float32Array {
  const x = hashed(name, product(shape));
  if (name.endsWith('running_var')) return Float32Array.from(x, (v) => 1 + v / 2);
  if (name.endsWith('running_mean') || name.endsWith('bias')) return Float32Array.from(x, (v) => v / 5);
  if (shape.length === 1) return Float32Array.from(x, (v) => 1 + v / 4);
  const bound = Math.sqrt(4.5 / product(shape.slice(1)));
  return Float32Array.from(x, (v) => v * bound);
}

/** The bytes of a .safetensors file with these tensors. */
export function hashedSafetensors(shapes: Record<string, number[]>): Uint8Array {
  let at = 0;
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { dtype: 'F32', shape, data_offsets: [at, at += product(shape) * 4] }]))));
  const bytes = new Uint8Array(8 + header.length + at);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  let place = 8 + header.length;
  for (const [name, shape] of Object.entries(shapes)) {
    const values = weight(name, shape);
    bytes.set(new Uint8Array(values.buffer), place);
    place += values.byteLength;
  }
  return bytes;
}
