// Knows how the fuzzer's process is bundled, with a byte set in every block of the library that is reached where the
// parser is there (acorn, installed apart). It does not know what is done with them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build, transform } from 'esbuild';
import type { Plugin } from 'esbuild';
import { apart } from '../apart.js';

interface Node { type: string; start: number; end: number; [key: string]: unknown }
type Parse = (text: string, options: object) => Node;

const MOST_BLOCKS = 1 << 13;
/** Rooms whose blocks say nothing new of a file: loops over weights, and what is the same for all. */
const UNCOUNTED = /[\\/]src[\\/](base64|sha256|text|patch|builtin|error|threads|compile[\\/]weights|formats[\\/]float16)\.ts$/;
const INLINED = { '.wasm': 'base64', '.patch': 'base64', '.dw': 'base64' } as const;

/** Marks bodies of functions, branches, loops, cases and both ways of each choice. */
function marked(text: string, root: Node, next: () => number): string {
  const inserts: [at: number, what: string][] = [];
  const mark = (): string => `__blocks[${next()}]=1`;
  const statement = (node: Node | null): void => {
    if (!node) return;
    if (node.type === 'BlockStatement') inserts.push([node.start + 1, `${mark()};`]);
    else inserts.push([node.start, `{${mark()};`], [node.end, '}']);
  };
  const expression = (node: Node): void => void inserts.push([node.start, `(${mark()},(`], [node.end, '))']);
  const visit = (node: Node): void => {
    switch (node.type) {
      case 'FunctionDeclaration': case 'FunctionExpression': statement(node.body as Node); break;
      case 'ArrowFunctionExpression': if ((node.body as Node).type === 'BlockStatement') statement(node.body as Node); else expression(node.body as Node); break;
      case 'IfStatement': statement(node.consequent as Node); statement(node.alternate as Node | null); break;
      case 'ForStatement': case 'ForOfStatement': case 'ForInStatement': case 'WhileStatement': case 'DoWhileStatement': statement(node.body as Node); break;
      case 'ConditionalExpression': expression(node.consequent as Node); expression(node.alternate as Node); break;
      case 'LogicalExpression': expression(node.right as Node); break;
      case 'SwitchCase': if ((node.consequent as Node[])[0]) inserts.push([(node.consequent as Node[])[0].start, `${mark()};`]); break;
      default:
    }
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (child && typeof (child as Node).type === 'string') visit(child as Node);
    }
  };
  visit(root);
  // At one place, what ends comes before what begins, and what ends inside before what ends around it.
  const order = inserts.map((insert, i) => ({ insert, i, ends: insert[1].startsWith(')') || insert[1] === '}' }))
    .sort((a, b) => a.insert[0] - b.insert[0] || Number(b.ends) - Number(a.ends) || (a.ends ? b.i - a.i : a.i - b.i));
  let out = '', at = 0;
  for (const { insert: [place, what] } of order) {
    out += text.slice(at, place) + what;
    at = place;
  }
  return out + text.slice(at);
}

function counting(parse: Parse): Plugin {
  let blocks = 0;
  return {
    name: 'counting',
    setup: (bundle) => bundle.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path: file }) => {
      if (UNCOUNTED.test(file)) return undefined;
      const { code } = await transform(readFileSync(file, 'utf8'), { loader: 'ts', target: 'es2022', sourcefile: file, sourcemap: 'inline' });
      return { contents: marked(code, parse(code, { ecmaVersion: 'latest', sourceType: 'module' }), () => blocks++ % MOST_BLOCKS), loader: 'js' };
    }),
  };
}

/** Bundles the process. Returns its file, and whether it counts. */
export async function bundleWorker(outfile = path.resolve('build/fuzz/worker.mjs')): Promise<{ file: string; counts: boolean }> {
  const place = apart('acorn', ['acorn@8.15.0']), parse = place && (createRequire(`${place}/`)('acorn') as { parse: Parse }).parse;
  await build({
    entryPoints: ['test/fuzz/worker.ts'], outfile, bundle: true, format: 'esm', platform: 'node', target: 'es2022', packages: 'external', loader: INLINED, sourcemap: 'inline', logLevel: 'silent',
    ...(parse && { plugins: [counting(parse)], banner: { js: `const __blocks = globalThis.__blocks = new Uint8Array(${MOST_BLOCKS});` } }),
  });
  return { file: outfile, counts: Boolean(parse) };
}
