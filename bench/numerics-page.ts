// Knows how measured errors are told: the tables of docs/numerics.md. It measures nothing.
import { HOSTS } from '../test/hosts/hosts.js';
import type { FloatError } from '../test/numerics/error.js';
import type { Agreement, NetworkRow } from '../test/numerics/hosts.js';
import type { Measured } from '../test/numerics/measure.js';
import type { MeasuredNetwork } from '../test/numerics/networks.js';
import { FROM_FLOAT64 } from '../test/numerics/shapes.js';
import type { Bound } from '../test/numerics/shapes.js';

/** Where and when a part was measured. */
export interface Made {
  date: string;
  cpu: string;
  engine: string;
}

export interface Kernels extends Made { measured: Measured[] }
export interface Networks extends Made { measured: MeasuredNetwork[] }
export interface Hosts extends Made { measured: Agreement }

const number = (n: number): string => n.toLocaleString('en-US');
const small = (n: number): string => (n === 0 ? '0' : n.toExponential(1));
const ulp = (n: number): string => (n === 0 ? '0' : n < 100 ? n.toFixed(2) : n.toExponential(0).replace('+', ''));
const share = (some: number, all: number): string => `${number(some)} of ${number(all)}`;
const most = (values: number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const table = (head: string[], rows: string[][]): string => [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

// ---- kernels

const errors = (error?: FloatError): string[] => (error ? [ulp(error.median), ulp(error.worst), small(error.relative)] : ['–', '–', '–']);
const promised = ({ relative, worst, ofTensor }: Bound): string => (worst === 0 ? 'exact' : worst === undefined ? `${small(relative).replace('.0', '')} of the ${ofTensor ? 'tensor' : 'row'}` : `${worst} ulp`);
const wholeDiffer = ({ whole }: Measured): number => sum(Object.values(whole.differing));

/** What a machine without relaxed SIMD, and any CPU, must find again: all but the cells of the relaxed build. */
export const fixedCells = (measured: Measured): string[] => [
  measured.name, measured.shapes, measured.kernels.map((name) => `\`${name}\``).join(' '), ...errors(measured.float.simd), promised(measured.bound), measured.whole.values ? share(wholeDiffer(measured), measured.whole.values) : '–',
];

const KERNEL_HEAD = ['operator', 'shapes', 'kernels that ran', '`simd`, `scalar`, `js`: median ulp', 'worst ulp', 'of the largest', 'held to', '8-bit and whole values that differ, on any build', '`relaxed`: median ulp', 'worst ulp', 'of the largest'];

export const kernelTable = (measured: Measured[]): string => table(KERNEL_HEAD, measured.map((one) => [...fixedCells(one), ...errors(one.float.relaxed)]));

// ---- networks

const cell = (exact: boolean, found?: number): string => (found === undefined ? '–' : exact ? number(found) : small(found));

function networkTables({ measured }: Networks): string {
  const whole = measured.filter(({ exact }) => exact), float = measured.filter(({ exact }) => !exact), builds = ['relaxed', 'simd', 'scalar', 'js'] as const;
  return `Integer networks: bytes that differ from ${whole[0].by.replace(', reference kernels', '\'s reference kernels')}.

${table(['network', 'tensors', 'bytes', ...builds.map((build) => `\`${build}\``)], whole.map((one) => [one.name, number(one.tensors), number(one.values), ...builds.map((build) => cell(true, one.found[build]))]))}

float32 networks: the greatest difference, relative to the largest value of its tensor. Other programs round as well, so where naive loops can do it in a second, theirs and ours are also measured against the same network in float64.

${table(['network', 'answers by', 'values', '`relaxed` from theirs', '`simd` from theirs', 'theirs from float64', '`relaxed` from float64', '`simd` from float64', 'held to, from theirs'], float.map((one) => [
    one.name, one.by, number(one.values), cell(false, one.found.relaxed), cell(false, one.found.simd), cell(false, one.exactly?.theirs), cell(false, one.exactly?.ours.relaxed), cell(false, one.exactly?.ours.simd), small(one.tolerance).replace('.0', ''),
  ]))}`;
}

// ---- hosts

function hostTables({ measured: { pictures, networks, hosts, missing } }: Hosts): string {
  const absent = missing.map(({ name, commands }) => `- ${name}: \`${commands.join(' && ')}\``).join('\n');
  const unasked = HOSTS.map(({ name }) => name).filter((name) => ![...hosts, ...missing].some((one) => one.name === name));
  return `The classifiers that ship and those of \`../shared/models\`, each on all ${pictures} pictures of \`../shared/images\`. Pictures are decoded once, here; hosts get the pixels and make inputs of them by our kernels. Every host and build is compared with every other.

${table(['network', 'hosts x builds', 'pairs of answers', 'other first label', 'other bytes', 'probabilities apart by at most', 'the same bytes'], networks.map((row) => [
    row.name, number(row.runs), number(row.comparisons), number(row.otherTop), number(row.otherBytes), row.float ? small(row.apart) : '0', row.groups.join('; '),
  ]))}

${table(['host', 'version', 'builds', '`relaxed` fuses', 'answers', 'inputs of other bytes than here'], hosts.map((host) => [host.name, host.version, host.failed ? `failed: ${host.failed.split('\n')[0]}` : host.builds.join(', '), host.fuses === undefined ? '–' : host.fuses ? 'yes' : 'no', number(host.answers), number(host.otherInputs)]))}

${absent ? `Not on this machine, with what installs them:\n\n${absent}` : 'No host of test/hosts was missing.'}${unasked.length ? ` Not asked in this run: ${unasked.join('; ')}; \`npm run bench numerics hosts PATTERN\` asks more.` : ''} The slow builds were asked about the small networks only: ${['scalar', 'js'].map((build) => `\`${build}\` about ${networks.filter(({ builds }) => builds.includes(build)).map(({ name }) => name).join(', ')}`).join('; ')}.`;
}

// ---- the page

const pairs = (rows: NetworkRow[], take: (row: NetworkRow) => number): string => share(sum(rows.map(take)), sum(rows.map(({ comparisons }) => comparisons)));

function summary(kernels: Measured[], networks: MeasuredNetwork[], { networks: answers, hosts, pictures }: Agreement): string {
  const float = kernels.filter(({ float: { simd } }) => simd), whole = networks.filter(({ exact }) => exact), real = networks.filter(({ exactly }) => exactly);
  const worst = (build: 'relaxed' | 'simd', atRows: boolean): string => small(most(float.filter(({ bound }) => !bound.ofTensor === atRows).map((one) => one.float[build]?.relative ?? 0)));
  const [integers, floats] = [answers.filter((row) => !row.float), answers.filter((row) => row.float)], runs = hosts.filter(({ failed }) => !failed);
  return table(['', 'asked', 'found'], [
    ['8-bit kernels, from exact integers', 'the same bytes on every build', `${share(sum(kernels.map(wholeDiffer)), sum(kernels.map((one) => one.whole.values)))} values differ`],
    ['8-bit networks, from TensorFlow Lite', 'the same bytes, at every layer where there is a dump', `${share(sum(whole.flatMap(({ found }) => Object.values(found))), sum(whole.map(({ values }) => values)))} bytes differ`],
    ['float32 kernels, from float64', 'at most 1e-5 of the largest value, much less at the networks\' shapes', `${worst('relaxed', true)} (\`relaxed\`), ${worst('simd', true)} (\`simd\`) at worst at those; ${worst('relaxed', false)}, ${worst('simd', false)} at random shapes`],
    ['float32 on `simd`, `scalar` and `js`', 'the same bits', `${share(sum(kernels.map(({ otherBits }) => otherBits)), sum(float.map((one) => one.float.simd!.values)))} values differ`],
    ['float32 networks, from float64', `at most ${FROM_FLOAT64} of the largest output`, `ours ${small(most(real.map(({ exactly }) => exactly!.ours.relaxed ?? 0)))} (\`relaxed\`), ${small(most(real.map(({ exactly }) => exactly!.ours.simd ?? 0)))} (\`simd\`); theirs ${small(most(real.map(({ exactly }) => exactly!.theirs)))}, at worst`],
    ['pictures made inputs, between hosts', 'the same bytes', `${share(sum(runs.map(({ otherInputs }) => otherInputs)), sum(runs.map((host) => host.answers)))} differ`],
    [`8-bit answers on ${pictures} pictures, between ${runs.length} hosts and all builds`, 'the same bytes and labels', `${pairs(integers, (row) => row.otherBytes)} pairs have other bytes, ${number(sum(integers.map((row) => row.otherTop)))} another first label`],
    ['float32 answers, likewise', 'the same first label', `${pairs(floats, (row) => row.otherTop)} pairs have another first label; probabilities at most ${small(most(floats.map(({ apart }) => apart)))} apart; ${number(sum(floats.map((row) => row.otherBytes)))} have other bytes`],
  ]);
}

export function page(template: string, kernels: Kernels, networks: Networks, hosts: Hosts): string {
  const { date, cpu, engine } = kernels;
  const parts: Record<string, string> = {
    made: `Made ${date}: ${cpu}, ${engine}, and the hosts named below.`,
    summary: summary(kernels.measured, networks.measured, hosts.measured), hosts: hostTables(hosts), networks: networkTables(networks), kernels: kernelTable(kernels.measured),
  };
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name]);
}
