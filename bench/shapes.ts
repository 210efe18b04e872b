// Knows every distinct layer shape of the networks: alpha 1 at 224 pixels, and with `all` the smaller alphas and sizes.
import * as abi from '../assembly/abi.js';
import { compile } from '../src/compile/plan.js';
import { recordsOf } from '../src/plan/plan.js';
import type { Plan } from '../src/plan/plan.js';
import { randomModel } from './random-model.js';
import type { Family } from './random-model.js';

export type Kind = 'pointwise' | 'depthwise' | 'first conv' | 'one row';

export interface Shape {
  kind: Kind;
  name: string;
  /** Input channels times window for convolutions: what one output value sums over. */
  depth: number;
  stride: number;
  macs: number;
  /** A plan whose record `record` is the layer. */
  plan: Plan;
  record: number;
}

export const FAMILIES: readonly Family[] = ['v1', 'v2', 'v3-small', 'v3-large'];
const ALPHAS = [0.25, 0.35, 0.5, 0.75, 1];
export const SIZES = [96, 128, 160, 192, 224];

export function shapesOf(dtype: 'float32' | 'int8', all: boolean): Shape[] {
  const found = new Map<string, Shape>();
  for (const family of FAMILIES) {
    for (const alpha of all ? ALPHAS : [1]) {
      for (const size of all ? SIZES : [224]) {
        const plan = compile(randomModel(family, dtype, alpha, size), { plan: 'layers' });
        recordsOf(plan.steps).forEach((words, record) => {
          const shape = shapeOf(plan, record, words);
          if (shape && !found.has(shape.name)) found.set(shape.name, shape);
        });
      }
    }
  }
  return [...found.values()];
}

function shapeOf(plan: Plan, record: number, w: Int32Array): Shape | undefined {
  const map = `${w[abi.H]}x${w[abi.W]}x${w[abi.C]} to ${w[abi.OC]}`, window = `${w[abi.KH]}x${w[abi.KW]} / ${w[abi.STRIDE_H]}`;
  const common = { depth: w[abi.C], stride: w[abi.STRIDE_H], macs: plan.info.steps[record].macs, plan, record };
  switch (w[abi.OP]) {
    case abi.OP_POINTWISE: return w[abi.COUNT] === 1 ? { ...common, kind: 'one row', name: `1x1 ${map}` } : { ...common, kind: 'pointwise', name: `1x1 ${map}` };
    case abi.OP_DEPTHWISE: return { ...common, kind: 'depthwise', name: `depthwise ${window} ${map}` };
    case abi.OP_CONV: return { ...common, kind: 'first conv', name: `${window} ${map}` };
    default: return undefined;
  }
}
