// Tells the compiler what it cannot see: binary files become text or modules in the bundler, and some files of assembly/
// speak AssemblyScript.

/** abi.ts, scratch.ts, extent.ts and check.ts are compiled by both compilers; here their numbers are plain ones. */
type i32 = number;
type f64 = number;
type bool = boolean;

declare module '*.wasm' {
  const base64: string;
  export default base64;
}

declare module '*.patch' {
  const base64: string;
  export default base64;
}

declare module '*.wasm?module' {
  const compiled: WebAssembly.Module | undefined;
  export default compiled;
}

declare module '*/wasm/scalar.js' {
  export default function instantiate(imports: { env: { memory: { buffer: ArrayBuffer } } }): object;
}

declare module '*.dw' {
  const base64: string;
  export default base64;
}
