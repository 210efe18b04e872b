// Knows where in a .tflite file each number, offset and length lies, by the parts of the schema that files use. It follows
// sound files only.

export type SiteKind = 'byte' | 'int' | 'float' | 'long' | 'offset' | 'length' | 'slot' | 'text';
export interface Site { at: number; kind: SiteKind }

type Shape = { [field: number]: 'byte' | 'int' | 'float' | 'ints' | 'floats' | 'longs' | 'bytes' | Shape | [Shape] | 'options' };

const TENSOR: Shape = { 0: 'ints', 1: 'byte', 2: 'int', 3: 'bytes', 4: { 2: 'floats', 3: 'longs', 6: 'int' } };
const OPERATOR: Shape = { 0: 'int', 1: 'ints', 2: 'ints', 4: 'options', 5: 'bytes' };
const MODEL: Shape = {
  0: 'int', 1: [{ 0: 'byte', 1: 'bytes', 3: 'int' }], 2: [{ 0: [TENSOR], 1: 'ints', 2: 'ints', 3: [OPERATOR] }], 3: 'bytes', 4: [{ 0: 'bytes' }],
};
/** Bytes of a vector that are worth changing one by one; those of large ones are weights. */
const SMALL_BYTES = 300;

export function sitesOf(bytes: Uint8Array): Site[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), sites: Site[] = [{ at: 0, kind: 'offset' }], seen = new Set<number>();
  const follow = (at: number): number => at + view.getUint32(at, true);
  const vector = (at: number, kind: SiteKind | undefined, size: number): void => {
    const start = follow(at), length = view.getUint32(start, true);
    sites.push({ at, kind: 'offset' }, { at: start, kind: 'length' });
    if (kind && length * size <= (kind === 'text' ? SMALL_BYTES : 1 << 14)) for (let i = 0; i < length; i++) sites.push({ at: start + 4 + i * size, kind });
  };
  const table = (at: number, shape: Shape | 'options'): void => {
    if (seen.has(at)) return;
    seen.add(at);
    sites.push({ at, kind: 'offset' });
    const vtable = at - view.getInt32(at, true), fields = (view.getUint16(vtable, true) - 4) / 2;
    for (let field = 0; field < fields; field++) {
      const slot = vtable + 4 + field * 2, offset = view.getUint16(slot, true), place = at + offset, what = shape === 'options' ? 'int' : shape[field];
      sites.push({ at: slot, kind: 'slot' });
      if (!offset || !what || place + 4 > bytes.length) continue;
      if (shape === 'options') sites.push({ at: place, kind: 'byte' });
      if (what === 'byte' || what === 'int' || what === 'float') sites.push({ at: place, kind: what as SiteKind });
      else if (what === 'ints') vector(place, 'int', 4);
      else if (what === 'floats') vector(place, 'float', 4);
      else if (what === 'longs') vector(place, 'long', 8);
      else if (what === 'bytes') vector(place, 'text', 1);
      else if (Array.isArray(what)) {
        const start = follow(place), length = view.getUint32(start, true);
        sites.push({ at: place, kind: 'offset' }, { at: start, kind: 'length' });
        for (let i = 0; i < length; i++) {
          sites.push({ at: start + 4 + i * 4, kind: 'offset' });
          table(follow(start + 4 + i * 4), what[0]);
        }
      } else {
        sites.push({ at: place, kind: 'offset' });
        table(follow(place), what);
      }
    }
  };
  table(follow(0), MODEL);
  return sites;
}
