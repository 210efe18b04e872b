// Knows how base64 becomes bytes, by the fastest way that a host has: megabytes of weights come that way.

interface Fast {
  Buffer?: { from(text: string, encoding: 'base64'): Uint8Array<ArrayBuffer> };
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const modern = (Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (modern) return modern.call(Uint8Array, text);
  const { Buffer } = globalThis as Fast;
  if (Buffer) return new Uint8Array(Buffer.from(text, 'base64'));
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
