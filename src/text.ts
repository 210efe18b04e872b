// Knows text as UTF-8 bytes, also on hosts without TextDecoder and TextEncoder: engines on their own have neither.

/** @throws TypeError or URIError where the bytes are no UTF-8 */
export function fromUtf8(bytes: Uint8Array): string {
  if (typeof TextDecoder === 'function') return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  let escaped = '';
  for (const byte of bytes) escaped += `%${(byte + 256).toString(16).slice(1)}`;
  return decodeURIComponent(escaped);
}

export function toUtf8(text: string): Uint8Array {
  if (typeof TextEncoder === 'function') return new TextEncoder().encode(text);
  const escaped = encodeURIComponent(text).replace(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Uint8Array.from(escaped, (c) => c.charCodeAt(0));
}
