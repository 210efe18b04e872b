// Knows what hosts without JavaScript need beside index.ts: whether step records in memory may run, and how much they
// compute. With it the scalar build becomes bare.wasm; where there is JavaScript, the same is asked there (src/plan/check.ts).
import { FAULT_RECORDS, STEP_WORDS } from './abi';
import { check as checkRecords } from './check';
import { work as workOf } from './work';

let records: usize = 0;

function word(record: i32, index: i32): i32 {
  return load<i32>(records + ((<usize>record * STEP_WORDS + <usize>index) << 2));
}

/**
 * Whether `count` records at `recordsAt` may run with so many bytes of constants, activations and scratch memory: 0, or
 * which record may not and why, as abi.ts says. Where constants are streamed, theirs are the bytes of the region they come to.
 */
export function check(recordsAt: usize, count: i32, constantBytes: u32, arenaBytes: u32, scratchBytes: u32): i32 {
  if (<u64>recordsAt + <u64><u32>count * (STEP_WORDS << 2) > <u64>memory.size() << 16) return FAULT_RECORDS;
  records = recordsAt;
  return checkRecords(word, count, constantBytes, arenaBytes, scratchBytes, true);
}

/** Multiply-adds of `count` records, and values that are only moved or compared (work.ts). Ask after `check` found nothing. */
export function work(recordsAt: usize, count: i32): f64 {
  records = recordsAt;
  return workOf(word, count);
}
