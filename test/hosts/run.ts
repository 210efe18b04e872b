// Knows how the hosts are gone through and what is printed of them: npm run test:hosts [PATTERN] [--install] [--vector].
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { prepareApp } from './app.js';
import { HOSTS } from './hosts.js';
import type { Host } from './hosts.js';
import type { Report } from './suite.js';
import { vector } from './vectors.js';

export interface Result {
  host: Host;
  /** Commands that install it; then nothing else is known. */
  missing?: string[];
  version?: string;
  report?: Report;
  /** What went wrong, a sentence each. */
  failures: string[];
  seconds: number;
}

export async function runHost(host: Host): Promise<Result> {
  const missing = host.missing(), start = performance.now();
  if (missing.length) return { host, missing, failures: [], seconds: 0 };
  const seconds = (): number => (performance.now() - start) / 1000;
  try {
    const { version, report } = await host.run();
    const failures = report.checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
    if (String(report.builds) !== String(host.builds)) failures.push(`it ran ${report.builds.join(', ') || 'no build'}; ${host.builds.join(', ')} were due`);
    return { host, version, report, failures, seconds: seconds() };
  } catch (error) {
    return { host, failures: [String((error as Error)?.message ?? error)], seconds: seconds() };
  }
}

/** What hosts must have in common: every int8 byte, every float32 bit of the builds that fix their order of sums, and every first label. */
export function disagreements(results: Result[]): string[] {
  const complaints: string[] = [];
  const compare = (what: string, take: (report: Report) => string[]): void => {
    const seen = new Map<string, string[]>();
    for (const { host, report } of results) for (const hash of report ? take(report) : []) seen.set(hash, [...(seen.get(hash) ?? []), host.name]);
    if (seen.size > 1) complaints.push(`${what} differ between hosts: ${[...seen].map(([hash, names]) => `${hash.slice(0, 12)} ${[...new Set(names)].join(', ')}`).join('; ')}`);
  };
  compare('int8 bytes', ({ int8 }) => Object.values(int8));
  compare('float32 bits of js, scalar and simd', ({ float32 }) => ['js', 'scalar', 'simd'].flatMap((build) => float32[build] ?? []));
  compare('first labels', ({ first }) => Object.values(first));
  return complaints;
}

export function row({ host, missing, version = '', report, failures, seconds }: Result): string {
  const cells = (verdict: string, ...more: string[]): string => [host.name.padEnd(28), version.padEnd(17), (report?.builds.join(' ') ?? '').padEnd(23), verdict.padEnd(8), ...more].join(' ').trimEnd();
  if (missing) return cells('MISSING', missing.join(' && '));
  const passed = report?.checks.filter(({ ok }) => ok).length ?? 0, hash = [...new Set(Object.values(report?.int8 ?? {}))].map((found) => found.slice(0, 12)).join('!');
  return cells(failures.length ? 'FAILED' : 'ok', `${passed}/${report?.checks.length ?? 0}`.padStart(6), hash.padEnd(12), (report?.threads ?? '').slice(0, 1).padStart(7), `${seconds.toFixed(1)} s`.padStart(8));
}

export const HEAD = ['host'.padEnd(28), 'version'.padEnd(17), 'builds'.padEnd(23), 'verdict'.padEnd(8), 'checks', 'int8 SHA-256', 'threads', '    time'].join(' ');

/** Runs the commands that missing hosts name, each once; what fails stays missing, and says so in the table. */
function install(hosts: Host[]): void {
  const commands = [...new Set(hosts.flatMap((host) => host.missing()))];
  for (const command of commands) {
    const start = performance.now();
    mkdirSync('build/hosts', { recursive: true });
    const { status, stderr } = spawnSync(command, { shell: true, encoding: 'utf8', timeout: 15 * 60_000, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
    console.log(`install    ${command} (${status === 0 ? 'done' : `FAILED: ${stderr?.trim().split('\n').at(-1)}`}, ${((performance.now() - start) / 1000).toFixed(0)} s)`);
  }
}

export async function main(args: string[]): Promise<number> {
  const flag = (name: string): boolean => args.includes(name), [pattern = ''] = args.filter((arg) => !arg.startsWith('--'));
  if (flag('--vector')) {
    writeFileSync('test/hosts/vector.json', `${JSON.stringify(await vector(), null, 1)}\n`);
    return 0;
  }
  const hosts = HOSTS.filter(({ name }) => new RegExp(pattern).test(name));
  if (flag('--install') || flag('--install-only')) install(hosts);
  if (flag('--install-only')) return 0;
  console.log(`package    ${await prepareApp()} bytes packed\n\n${HEAD}`);
  const results: Result[] = [];
  for (const host of hosts) {
    const result = await runHost(host);
    results.push(result);
    console.log(row(result));
    for (const failure of result.failures) console.log(`    ${failure.slice(0, 2000)}`);
  }
  return summary(results);
}

function summary(results: Result[]): number {
  const complaints = disagreements(results), gone = results.filter(({ missing }) => missing), ran = results.filter(({ report }) => report);
  const failed = results.filter(({ failures }) => failures.length).length + complaints.length;
  const checks = ran.reduce((sum, { report }) => sum + report!.checks.length, 0);
  console.log(`\n${complaints.length ? complaints.join('\n') : `int8 bytes are the same on ${ran.length} hosts and ${ran.reduce((sum, { report }) => sum + report!.builds.length, 0)} builds`}; ${checks} checks`);
  if (gone.length) console.log(`not here: ${gone.map(({ host }) => host.name).join('; ')}. npm run test:hosts -- --install installs them (apt-get needs root).`);
  console.log(`${ran.length - results.filter(({ report, failures }) => report && failures.length).length} hosts passed, ${failed} failed, ${gone.length} missing`);
  return failed || !ran.length ? 1 : 0;
}
