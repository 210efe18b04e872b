// Knows how base64 becomes bytes, and back, by the fastest way that a host has: megabytes of weights come that way.

interface Fast {
  Buffer?: { from(text: string, encoding: 'base64'): Uint8Array<ArrayBuffer> };
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const modern = (Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (modern) return modern.call(Uint8Array, text);
  const { Buffer } = globalThis as Fast;
  if (Buffer) return new Uint8Array(Buffer.from(text, 'base64'));
  return plainFromBase64(text);
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Without atob, which engines on their own lack. Exported for tests. */
export function plainFromBase64(text: string): Uint8Array<ArrayBuffer> {
  const values = new Uint8Array(128), full = text.replace(/=+$/, '').length, bytes = new Uint8Array((full * 3) >> 2);
  for (let i = 0; i < 64; i++) values[DIGITS.charCodeAt(i)] = i;
  for (let i = 0, at = 0; at < bytes.length; i += 4) {
    const word = (values[text.charCodeAt(i)] << 18) | (values[text.charCodeAt(i + 1)] << 12) | (values[text.charCodeAt(i + 2)] << 6) | values[text.charCodeAt(i + 3)];
    bytes[at++] = word >> 16; // past the end, writes are dropped
    bytes[at++] = word >> 8;
    bytes[at++] = word;
  }
  return bytes;
}

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let digit = 0; digit < 4; digit++) text += i + digit > bytes.length ? '=' : DIGITS[(word >> (18 - 6 * digit)) & 63];
  }
  return text;
}
