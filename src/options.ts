// Knows what options may be, and says so of those that are something else: people without a type checker give texts for
// numbers. It does not know what any option does.
import { DepthwiseError } from './error.js';

export type Test = (value: unknown) => boolean;
/** What an option must be, and how that is called. */
export type Kind = readonly [test: Test, words: string];

export const isText: Test = (value) => typeof value === 'string';
export const isNumber: Test = (value) => Number.isFinite(value);
export const isCount: Test = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const listOf = (test: Test, least = 0): Test => (value) => {
  if (!Array.isArray(value) || value.length < least) return false;
  for (let i = 0; i < value.length; i++) if (!test(value[i])) return false; // not every(), which passes over holes
  return true;
};
export const orNone = (test: Test): Test => (value) => value === undefined || test(value);
export const has = (tests: Record<string, Test>): Test => (value) => typeof value === 'object' && value !== null && Object.entries(tests).every(([key, test]) => test((value as Record<string, unknown>)[key]));
export const oneOf = (names: readonly unknown[]): Test => (value) => names.includes(value);

export const isPreprocessing = has({
  fit: oneOf(['centre', 'stretch']), crop: (value) => isNumber(value) && (value as number) > 0 && (value as number) <= 4, mean: listOf(isNumber, 1), std: listOf((value) => isNumber(value) && value !== 0, 1),
});

export const TEXT: Kind = [isText, 'a text'];
export const TEXTS: Kind = [listOf(isText), 'a list of texts'];
export const NUMBER: Kind = [(value) => typeof value === 'number' && !Number.isNaN(value), 'a number'];
export const ABOVE_NONE: Kind = [(value) => typeof value === 'number' && value > 0, 'a number above 0'];
export const FUNCTION: Kind = [(value) => typeof value === 'function', 'a function'];
/** Engines on their own have no AbortSignal; there an object that says whether it is aborted does. */
export const SIGNAL: Kind = [(value) => typeof (value as AbortSignal | null)?.aborted === 'boolean', 'an AbortSignal'];
export const whole = (least: number, most = Infinity): Kind => [(value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most, `a whole number from ${least} ${most < Infinity ? `to ${most}` : 'up'}`];
export const among = (...names: readonly string[]): Kind => [oneOf(names), names.join(' or ')];

/** A value for a message. Not all can be made into text. */
export const shown = (value: unknown): string =>
  (typeof value === 'string' ? `"${value}"` : typeof value === 'symbol' || Object(value) === value ? typeof value : `${value as number}`);

/** @throws DepthwiseError BAD_INPUT for options that are no object, or one that is not of its kind */
export function checkOptions(given: unknown, kinds: Record<string, Kind>): void {
  if (given === undefined) return;
  if (typeof given !== 'object' || given === null) throw new DepthwiseError('BAD_INPUT', `Options are an object, not ${shown(given)}.`);
  for (const [name, [test, words]] of Object.entries(kinds)) {
    const value = (given as Record<string, unknown>)[name];
    if (value !== undefined && !test(value)) throw new DepthwiseError('BAD_INPUT', `${name} is ${words}, not ${shown(value)}.`);
  }
}

/** Inputs and the options that may come behind them. */
export function parted<O>(args: readonly (ArrayBufferView | O)[]): [ArrayBufferView[], O] {
  const last = args.at(-1), hasOptions = typeof last === 'object' && last !== null && !ArrayBuffer.isView(last);
  return [(hasOptions ? args.slice(0, -1) : args) as ArrayBufferView[], (hasOptions ? last : {}) as O];
}
