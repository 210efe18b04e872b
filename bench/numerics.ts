// Measures errors of kernels, networks and hosts, and writes docs/numerics.md. What was measured before is kept in
// build/bench, so that parts can be measured alone. Usage: npm run bench numerics [kernels] [networks] [hosts [PATTERN]]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { availableBuilds } from '../src/load.js';
import { measureHosts } from '../test/numerics/hosts.js';
import { measureKernels } from '../test/numerics/kernels.js';
import { measureNetworks } from '../test/numerics/networks.js';
import { page } from './numerics-page.js';

const args = process.argv.slice(2), builds = [...await availableBuilds(), 'js' as const];
const start = performance.now(), progress = (line: string): void => console.log(`${((performance.now() - start) / 1000).toFixed(0).padStart(5)} s  ${line}`);

const PARTS = {
  kernels: () => measureKernels(builds, progress),
  networks: () => measureNetworks(builds, progress),
  hosts: () => measureHosts(args[args.indexOf('hosts') + 1] ?? '', progress),
};
type Part = keyof typeof PARTS;
const fileOf = (part: Part): string => `build/bench/numerics-${part}.json`;

mkdirSync('build/bench', { recursive: true });
for (const part of Object.keys(PARTS) as Part[]) {
  if (args.length && !args.includes(part)) continue;
  const made = { date: new Date().toISOString().slice(0, 10), cpu: os.cpus()[0].model.trim(), engine: `Node ${process.version}, V8 ${process.versions.v8}` };
  writeFileSync(fileOf(part), JSON.stringify({ ...made, measured: await PARTS[part]() }));
}
const unmeasured = (Object.keys(PARTS) as Part[]).filter((part) => !existsSync(fileOf(part)));
if (unmeasured.length) console.log(`docs/numerics.md is left as it was: ${unmeasured.join(' and ')} are not measured yet.`);
else {
  const [kernels, networks, hosts] = (['kernels', 'networks', 'hosts'] as const).map((part) => JSON.parse(readFileSync(fileOf(part), 'utf8')));
  writeFileSync('docs/numerics.md', page(readFileSync('bench/numerics.md', 'utf8'), kernels, networks, hosts));
  console.log('docs/numerics.md is written.');
}
