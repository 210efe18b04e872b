// Tells the compiler what it cannot see: binary files become text or modules in the bundler, and abi.ts speaks AssemblyScript.

/** assembly/abi.ts is compiled by both compilers; here its integers are plain numbers. */
type i32 = number;

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
