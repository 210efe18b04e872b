// Knows text as UTF-8 bytes, also on hosts without TextDecoder and TextEncoder: engines on their own have neither.

/** @throws TypeError or URIError where the bytes are no UTF-8 */
export function fromUtf8(bytes: Uint8Array): string {
  if (typeof TextDecoder === 'function') return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  let escaped = '';
  for (const byte of bytes) escaped += `%${(byte + 256).toString(16).slice(1)}`;
  return decodeURIComponent(escaped);
}

/** The same where broken characters are no reason to stop: U+FFFD stands for them. */
export function fromAnyUtf8(bytes: Uint8Array): string {
  if (typeof TextDecoder === 'function') return new TextDecoder().decode(bytes);
  try {
    return fromUtf8(bytes);
  } catch {
    return Array.from(bytes, (byte) => (byte < 128 ? String.fromCharCode(byte) : '\ufffd')).join('');
  }
}

export function toUtf8(text: string): Uint8Array {
  if (typeof TextEncoder === 'function') return new TextEncoder().encode(text);
  const escaped = encodeURIComponent(text).replace(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Uint8Array.from(escaped, (c) => c.charCodeAt(0));
}
