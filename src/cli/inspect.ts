// Knows the command that shows what a weights file holds: tensors, steps, work and memory, and which networks fit a device.
// It runs nothing.
import type { ConvertOptions } from '../index.js';
import type { Net } from '../net.js';
import { loadOptions, only, parse, WEIGHTS_HELP, WEIGHTS_OPTIONS, type Command } from './arguments.js';
import { arenaPicture } from './arena-picture.js';
import { budget, fits, printFits, printModelFit, ramBytes } from './fit.js';
import { bytes, millions, paint, print, printJson, shape, shorten, table } from './report.js';
import { loadStream, loadWeights } from './weights.js';

type Info = Net['inputs'][number];

const quantisation = ({ scale, zeroPoint }: Info) => (scale === undefined ? '' : `, scale ${scale.toPrecision(6)}, zero point ${zeroPoint ?? 0}`);
const tensorLine = (role: string) => (info: Info) => `${role}  ${info.name}  ${info.dtype} ${shape(info.shape)}${quantisation(info)}`;
const aboutLines = (about: object) => Object.entries(about).filter(([, value]) => typeof value === 'string' && value).map(([key, value]) => `${key}: ${value}`);

function show(net: Net, source: string): void {
  const { memory, steps } = net;
  const macs = steps.reduce((sum, step) => sum + step.macs, 0);
  print([paint('bold', source), ...aboutLines(net.about ?? {})].join('\n'));
  print([...net.inputs.map(tensorLine('input ')), ...net.outputs.map(tensorLine('output'))].join('\n'));
  print(`labels  ${net.labels?.length ? `${net.labels.length} (${net.labels.slice(0, 3).join(', ')}, …)` : 'none'}`);
  print(`work    ${steps.length} steps, ${millions(macs)} million multiply-accumulates`);
  print(`plan    ${net.info.purpose}; no arena for these steps can be smaller than ${bytes(net.info.arenaLowerBound)}`);
  print(`memory  weights ${bytes(memory.weightsBytes)}, arena ${bytes(memory.arenaBytes)}, scratch ${bytes(memory.scratchBytes)}, in all ${bytes(memory.totalBytes)} (${net.build} build)\n`);
  print(table(
    ['step', 'kernel', 'output', 'in', 'out', 'M MACs', 'at', 'bytes'],
    steps.map((step) => [step.index, step.op, shorten(step.name, 40), shape(step.input), shape(step.output), millions(step.macs), step.offset, step.bytes]),
  ));
  print(`\narena\n${arenaPicture(net)}`);
}

async function showFit(text: string, source: string | undefined, options: ConvertOptions, asJson: boolean): Promise<void> {
  const limit = budget(text), stream = source === undefined ? undefined : await loadStream(source, options), all = [...fits(limit)];
  if (asJson) {
    printJson({ limit, ...(stream && { source, memoryBytes: stream.memoryBytes, arenaBytes: stream.arenaBytes, fits: ramBytes(stream) <= limit }), networks: all });
    return;
  }
  if (stream) printModelFit(limit, source!, stream);
  printFits(limit, all);
}

export const inspect: Command = {
  name: 'inspect',
  summary: 'show tensors, steps, work and memory of a weights file',
  help: `depthwise inspect WEIGHTS [options]
depthwise inspect [WEIGHTS] --fit 256K [--json]

  --fit RAM        which networks of all widths and sizes a microcontroller of so much RAM runs, with weights
                   in flash (convert --target mcu), and whether WEIGHTS is one of them
  --json           one JSON document on stdout and nothing else
${WEIGHTS_HELP}

WEIGHTS is a file, an address or zoo:NAME, which \`depthwise list\` names.`,
  async run(args) {
    const parsed = parse(args, { ...WEIGHTS_OPTIONS, json: { type: 'boolean' }, fit: { type: 'string' } });
    const fit = parsed.text('fit');
    if (fit !== undefined) return showFit(fit, parsed.positionals.length ? only(parsed, 'weights file') : undefined, loadOptions(parsed), parsed.flag('json'));
    const source = only(parsed, 'weights file');
    const net = await loadWeights(source, loadOptions(parsed));
    if (!parsed.flag('json')) return show(net, source);
    const { build, about, labels, preprocessing, inputs, outputs, memory, steps, tensors } = net;
    printJson({ source, build, plan: net.info.purpose, arenaLowerBound: net.info.arenaLowerBound, about, labels, preprocessing, inputs, outputs, memory, macs: steps.reduce((sum, step) => sum + step.macs, 0), steps, tensors });
  },
};
