// Knows how a Worker's host treats an imported .wasm file: compiled before the program starts. What this Node cannot compile
// is left out. Register with `node --import`.
import { readFileSync } from 'node:fs';
import { register } from 'node:module';

if (!import.meta.url.includes('?hook')) register(`${import.meta.url}?hook`);

export async function load(url, context, next) {
  if (!url.endsWith('.wasm')) return next(url, context);
  const source = `const bytes = Uint8Array.from(atob('${readFileSync(new URL(url)).toString('base64')}'), (c) => c.charCodeAt(0));
    export default WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined;`;
  return { format: 'module', source, shortCircuit: true };
}
