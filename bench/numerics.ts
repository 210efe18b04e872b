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

type Part = 'kernels' | 'networks' | 'hosts';
const PARTS: Part[] = ['kernels', 'networks', 'hosts'];
const fileOf = (part: Part): string => `build/bench/numerics-${part}.json`;
const kept = (part: Part) => (existsSync(fileOf(part)) ? JSON.parse(readFileSync(fileOf(part), 'utf8')) : undefined);

function keep(part: Part, measured: unknown): void {
  const made = { date: new Date().toISOString().slice(0, 10), cpu: os.cpus()[0].model.trim(), engine: `Node ${process.version}, V8 ${process.versions.v8}` };
  writeFileSync(fileOf(part), JSON.stringify({ ...made, measured }));
}

async function measure(part: Part): Promise<void> {
  if (part === 'kernels') keep(part, await measureKernels(builds, progress));
  if (part === 'networks') keep(part, await measureNetworks(builds, progress));
  if (part === 'hosts') await measureHosts(args[args.indexOf('hosts') + 1] ?? '', kept('hosts')?.measured.asked ?? [], progress, (measured) => keep('hosts', measured));
}

mkdirSync('build/bench', { recursive: true });
for (const part of PARTS) if (!args.length || args.includes(part)) await measure(part);
const unmeasured = PARTS.filter((part) => !existsSync(fileOf(part)));
if (unmeasured.length) console.log(`docs/numerics.md is left as it was: ${unmeasured.join(' and ')} are not measured yet.`);
else {
  const [kernels, networks, hosts] = PARTS.map(kept);
  writeFileSync('docs/numerics.md', page(readFileSync('bench/numerics.md', 'utf8'), kernels, networks, hosts));
  console.log('docs/numerics.md is written.');
}
