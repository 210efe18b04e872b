// Knows what torchvision, timm and Keras call each part of a MobileNet. It does not know shapes.
import { DepthwiseError } from '../error.js';
import { V2_STAGES } from './v2.js';
import type { SegmentationArchitecture } from './segmentation.js';
import { recogniseV4 } from './v4.js';
import type { V4Architecture } from './v4.js';

export type Library = 'torchvision' | 'timm' | 'keras';
/** Those put together from one kind of block, with names in every library. */
export type BlockArchitecture = 'v1' | 'v2' | 'v3-small' | 'v3-large' | 'v3-small-minimal' | 'v3-large-minimal';
export type Architecture = BlockArchitecture | V4Architecture | SegmentationArchitecture | 'ssdlite-v3-large';

/** A convolution and the batch norm after it. */
export interface ConvNames { conv: string; norm: string }

export interface BlockNames {
  /** Name for the block's output tensor. */
  name: string;
  expand?: ConvNames;
  depthwise: ConvNames;
  reduce: string;
  excite: string;
  project: ConvNames;
}

export interface ModelNames {
  stem: ConvNames & { name: string };
  blocks: BlockNames[];
  last?: ConvNames & { name: string };
  hidden: string;
  classifier: string;
}

const pair = (prefix: string, conv: string, norm: string): ConvNames => ({ conv: prefix + conv, norm: prefix + norm });

/** Which library wrote a file with these keys, and which architecture it holds. */
export function recognise(keys: ReadonlySet<string>): { library: Library; arch?: Architecture } | undefined {
  const some = (test: (key: string) => boolean): boolean => [...keys].some(test);
  if (keys.has('backbone.features.0.13.0.weight') && keys.has('head.regression_head.module_list.0.1.weight')) return { library: 'torchvision', arch: 'ssdlite-v3-large' };
  if (keys.has('classifier.cbr.0.weight')) return { library: 'torchvision', arch: 'lraspp-v3-large' };
  if (keys.has('classifier.0.convs.4.1.weight')) return { library: 'torchvision', arch: 'deeplabv3-v3-large' };
  if (keys.has('features.1.conv.0.0.weight')) return { library: 'torchvision', arch: 'v2' };
  if (keys.has('features.1.block.0.0.weight')) return { library: 'torchvision', arch: torchvisionV3(keys) };
  if (some((key) => key.includes('.pw_proj.'))) return { library: 'timm', arch: recogniseV4(keys) };
  if (keys.has('conv_stem.weight')) return { library: 'timm', arch: timmArch(keys, some) };
  if (some((key) => /^(conv_dw_1|expanded_conv_depthwise|expanded_conv_project)\b/.test(key))) return { library: 'keras', arch: kerasArch(some) };
  return undefined;
}

function torchvisionV3(keys: ReadonlySet<string>): Architecture {
  return keys.has('features.15.block.0.0.weight') ? 'v3-large' : 'v3-small';
}

function timmArch(keys: ReadonlySet<string>, some: (test: (key: string) => boolean) => boolean): Architecture {
  if (!some((key) => key.includes('conv_pwl'))) return 'v1';
  if (!keys.has('conv_head.bias')) return 'v2';
  const size = keys.has('blocks.6.0.conv.weight') ? 'v3-large' : 'v3-small';
  return some((key) => key.includes('.se.')) ? size : `${size}-minimal`;
}

function kerasArch(some: (test: (key: string) => boolean) => boolean): Architecture {
  if (some((key) => key.startsWith('conv_dw_1'))) return 'v1';
  if (some((key) => key.startsWith('block_1_'))) return 'v2';
  const size = some((key) => key.startsWith('expanded_conv_14')) ? 'v3-large' : 'v3-small';
  return some((key) => key.includes('squeeze_excite')) ? size : `${size}-minimal`;
}

/** Names of every part; `blocks` says of each block whether it expands and gates. */
export function namesOf(library: Library, arch: BlockArchitecture, blocks: { expands: boolean; gated: boolean }[]): ModelNames {
  if (arch === 'v1' && library === 'torchvision') throw new DepthwiseError('UNSUPPORTED', 'torchvision has no MobileNetV1; these names are not known.');
  const make = { torchvision, timm, keras }[library];
  return make(arch, blocks);
}

type BlockShape = { expands: boolean; gated: boolean };

function torchvision(arch: BlockArchitecture, blocks: BlockShape[]): ModelNames {
  const v2 = arch === 'v2', last = blocks.length + 1;
  return {
    stem: { name: 'features.0', ...pair('features.0.', '0', '1') },
    blocks: blocks.map(({ expands, gated }, i) => {
      const prefix = `features.${i + 1}.${v2 ? 'conv' : 'block'}.`, first = expands ? 1 : 0;
      const gate = `${prefix}${first + 1}.`, project = first + 1 + (gated ? 1 : 0);
      return {
        name: `features.${i + 1}`,
        ...(expands && { expand: pair(prefix, '0.0', '0.1') }),
        depthwise: pair(prefix, `${first}.0`, `${first}.1`),
        reduce: `${gate}fc1`, excite: `${gate}fc2`,
        project: v2 ? pair(prefix, `${project}`, `${project + 1}`) : pair(prefix, `${project}.0`, `${project}.1`),
      };
    }),
    last: { name: `features.${last}`, ...pair(`features.${last}.`, '0', '1') },
    hidden: 'classifier.0',
    classifier: v2 ? 'classifier.1' : 'classifier.3',
  };
}

const TIMM_REPEATS: Record<string, number[]> = { v1: [1, 2, 2, 6, 2], v2: V2_STAGES.map(({ repeat }) => repeat), 'v3-large': [1, 2, 3, 4, 2, 3], 'v3-small': [1, 2, 3, 2, 3] };

function timm(arch: BlockArchitecture, blocks: BlockShape[]): ModelNames {
  const repeats = TIMM_REPEATS[arch.replace('-minimal', '')];
  const places = repeats.flatMap((repeat, stage) => Array.from({ length: repeat }, (_, i) => `blocks.${stage}.${i}`));
  return {
    stem: { name: 'conv_stem', conv: 'conv_stem', norm: 'bn1' },
    blocks: blocks.map(({ expands }, i) => {
      const prefix = `${places[i]}.`;
      return {
        name: places[i],
        ...(expands && { expand: pair(prefix, 'conv_pw', 'bn1') }),
        depthwise: pair(prefix, 'conv_dw', expands ? 'bn2' : 'bn1'),
        reduce: `${prefix}se.conv_reduce`, excite: `${prefix}se.conv_expand`,
        project: expands ? pair(prefix, 'conv_pwl', 'bn3') : pair(prefix, 'conv_pw', 'bn2'),
      };
    }),
    ...(arch === 'v2' && { last: { name: 'conv_head', conv: 'conv_head', norm: 'bn2' } }),
    ...(arch.startsWith('v3') && { last: { name: `blocks.${repeats.length}.0`, ...pair(`blocks.${repeats.length}.0.`, 'conv', 'bn1') } }),
    hidden: 'conv_head',
    classifier: 'classifier',
  };
}

function keras(arch: BlockArchitecture, blocks: BlockShape[]): ModelNames {
  if (arch === 'v1') {
    return {
      stem: { name: 'conv1_relu', conv: 'conv1', norm: 'conv1_bn' },
      blocks: blocks.map((_, i) => ({
        name: `conv_pw_${i + 1}_relu`, depthwise: pair(`conv_dw_${i + 1}`, '', '_bn'), project: pair(`conv_pw_${i + 1}`, '', '_bn'), reduce: '', excite: '',
      })),
      hidden: '', classifier: 'conv_preds',
    };
  }
  const v2 = arch === 'v2', norm = v2 ? '_BN' : '_bn';
  return {
    stem: v2 ? { name: 'Conv1_relu', conv: 'Conv1', norm: 'bn_Conv1' } : { name: 'conv_relu', conv: 'conv', norm: 'conv_bn' },
    blocks: blocks.map((_, i) => {
      const prefix = i === 0 ? 'expanded_conv_' : v2 ? `block_${i}_` : `expanded_conv_${i}_`;
      const part = (role: string): ConvNames => ({ conv: prefix + role, norm: prefix + role + norm });
      return { name: `${prefix}output`, expand: part('expand'), depthwise: part('depthwise'), project: part('project'), reduce: `${prefix}squeeze_excite_conv`, excite: `${prefix}squeeze_excite_conv_1` };
    }).map((names, i) => (blocks[i].expands ? names : { ...names, expand: undefined })),
    last: v2 ? { name: 'out_relu', conv: 'Conv_1', norm: 'Conv_1_bn' } : { name: 'conv_1_relu', conv: 'conv_1', norm: 'conv_1_bn' },
    hidden: 'conv_2',
    classifier: v2 ? 'predictions' : 'logits',
  };
}
