// Knows how a file is made of another one and a list of changes, as scripts/patch.mjs writes it.

/**
 * @param patch again and again: a number of new bytes, these bytes, a number of bytes to copy from `base`, and how far they
 * begin from where the last copy ended, doubled (less one where that is before it); numbers are LEB128
 */
export function patched(base: Uint8Array, patch: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let at = 0, end = 0;
  const number = (): number => {
    let value = 0, byte;
    for (let shift = 0; ; shift += 7) {
      byte = patch[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < patch.length) {
    const fresh = number();
    parts.push(patch.subarray(at, (at += fresh)));
    const length = number(), distance = number(), from = end + (distance & 1 ? -(distance + 1) / 2 : distance / 2);
    parts.push(base.subarray(from, (end = from + length)));
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((place, part) => (whole.set(part, place), place + part.length), 0);
  return whole;
}
