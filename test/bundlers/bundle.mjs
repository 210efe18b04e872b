// Knows how a user of each bundler would bundle for browsers: its defaults, and a longer size limit where weights are inside.
// Run in a project that has them installed: `node bundle.mjs BUNDLER ENTRY OUT`; prints the warnings as JSON.
import path from 'node:path';

const [bundler, entry, out] = process.argv.slice(2);
const large = entry !== 'main.js'; // holds megabytes of weights on purpose, which bundlers remark on by default
const warnings = [];

const WAYS = {
  async esbuild() {
    const { build } = await import('esbuild');
    const result = await build({ entryPoints: [entry], bundle: true, format: 'esm', splitting: true, minify: true, outdir: out, entryNames: 'bundle', logLevel: 'silent' });
    warnings.push(...result.warnings.map(({ text }) => text));
  },
  async rollup() {
    const [{ rollup }, { nodeResolve }] = await Promise.all([import('rollup'), import('@rollup/plugin-node-resolve')]);
    const bundle = await rollup({ input: entry, plugins: [nodeResolve({ browser: true })], onwarn: ({ message }) => warnings.push(message) });
    await bundle.write({ dir: out, format: 'es', entryFileNames: 'bundle.js' });
  },
  async webpack() {
    const { default: webpack } = await import('webpack');
    const config = { mode: 'production', entry: `./${entry}`, output: { path: path.resolve(out), filename: 'bundle.js', publicPath: '/' }, ...(large && { performance: { hints: false } }) };
    const stats = await new Promise((resolve, reject) => webpack(config, (error, result) => (error ? reject(error) : resolve(result))));
    const { warnings: found, errors } = stats.toJson({ all: false, warnings: true, errors: true });
    if (errors.length) throw new Error(errors.map(({ message }) => message).join('\n'));
    warnings.push(...found.map(({ message }) => message));
  },
  async vite() {
    const { build, createLogger } = await import('vite');
    const logger = createLogger('silent'), warn = (message) => warnings.push(message);
    await build({
      configFile: false, customLogger: { ...logger, warn, warnOnce: warn, error: warn },
      build: { outDir: out, rollupOptions: { input: entry, output: { entryFileNames: 'bundle.js' } }, ...(large && { chunkSizeWarningLimit: 1e6 }) },
    });
  },
  /** For Workers: builds stay files that the host compiles. */
  async workerd() {
    const { build } = await import('esbuild');
    const result = await build({ entryPoints: [entry], bundle: true, format: 'esm', conditions: ['workerd', 'worker', 'browser'], loader: { '.wasm': 'copy' }, outdir: out, entryNames: 'bundle', logLevel: 'silent' });
    warnings.push(...result.warnings.map(({ text }) => text));
  },
};

await WAYS[bundler]();
console.log(JSON.stringify(warnings));
