// Finds the rows of a matrix that point where a query does: dot products, and the best of them kept in order. A module of
// its own, so that networks do not carry it. It knows neither keys nor how vectors became rows; it allocates nothing.
//
// A row is `rowBytes` long and ends in zeros, or (int8) in what multiplies its sum:
//     float32   values, zeros up to a multiple of 64 bytes
//     int8      values, zeros, and in its last 8 bytes 1 / length of the row, float64; rowBytes is a multiple of 16
// The query is as long: float32, or int16 (2 * rowBytes), zero wherever a row holds no value. Its values are so small that
// sums of products fit int32. The best are written to `top`: `wanted` scores, float64, then as many rows, int32.
//
// All builds give the same bits: integer sums are exact, and float32 sums are made in 16 lanes in one order.

const LANES = 16;

let top: usize = 0;
let topRows: usize = 0;
let found = 0;

/** Writes the best rows, the best first, equals by row; returns how many there are: `wanted`, or all rows that have a score. */
export function searchInt8(rows: usize, count: i32, rowBytes: i32, query: usize, best: usize, wanted: i32): i32 {
  begin(best, wanted);
  for (let i = 0; i < count; i++, rows += rowBytes) {
    offer(<f64>dotInt8(rows, query, rowBytes) * load<f64>(rows + rowBytes - 8), i, wanted);
  }
  return inOrder();
}

/** The same of float32 rows. */
export function searchFloat32(rows: usize, count: i32, rowBytes: i32, query: usize, best: usize, wanted: i32): i32 {
  begin(best, wanted);
  for (let i = 0; i < count; i++, rows += rowBytes) offer(<f64>dotFloat32(rows, query, rowBytes), i, wanted);
  return inOrder();
}

// ---- sums

function dotInt8(row: usize, query: usize, bytes: i32): i32 {
  const end = row + bytes;
  if (ASC_FEATURE_SIMD) {
    let a = i32x4.splat(0), b = a;
    for (; row < end; row += 16, query += 32) {
      a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load8x8_s(row), v128.load(query)));
      b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load8x8_s(row, 8), v128.load(query, 16)));
    }
    a = i32x4.add(a, b);
    return i32x4.extract_lane(a, 0) + i32x4.extract_lane(a, 1) + i32x4.extract_lane(a, 2) + i32x4.extract_lane(a, 3);
  }
  let sum = 0;
  for (; row < end; row++, query += 2) sum += <i32>load<i8>(row) * <i32>load<i16>(query);
  return sum;
}

function dotFloat32(row: usize, query: usize, bytes: i32): f32 {
  const end = row + bytes;
  if (ASC_FEATURE_SIMD) {
    let a = f32x4.splat(0), b = a, c = a, d = a;
    for (; row < end; row += 64, query += 64) {
      a = f32x4.add(a, f32x4.mul(v128.load(row), v128.load(query)));
      b = f32x4.add(b, f32x4.mul(v128.load(row, 16), v128.load(query, 16)));
      c = f32x4.add(c, f32x4.mul(v128.load(row, 32), v128.load(query, 32)));
      d = f32x4.add(d, f32x4.mul(v128.load(row, 48), v128.load(query, 48)));
    }
    a = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
    return (f32x4.extract_lane(a, 0) + f32x4.extract_lane(a, 1)) + (f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3));
  }
  const a = quarter(row, query, end, 0), b = quarter(row, query, end, 1), c = quarter(row, query, end, 2), d = quarter(row, query, end, 3);
  return (a + b) + (c + d);
}

/** Lane `i` of the four accumulators of the SIMD build, added as it adds them. */
function quarter(row: usize, query: usize, end: usize, i: usize): f32 {
  let a: f32 = 0, b: f32 = 0, c: f32 = 0, d: f32 = 0;
  query += i * 4;
  for (row += i * 4; row < end; row += LANES * 4, query += LANES * 4) {
    a += load<f32>(row) * load<f32>(query);
    b += load<f32>(row, 16) * load<f32>(query, 16);
    c += load<f32>(row, 32) * load<f32>(query, 32);
    d += load<f32>(row, 48) * load<f32>(query, 48);
  }
  return (a + b) + (c + d);
}

// ---- the best so far: a binary heap with the worst on top, by score and, among equals, the later row

function begin(best: usize, wanted: i32): void {
  top = best;
  topRows = best + (<usize>wanted << 3);
  found = 0;
}

// @ts-ignore: decorator
@inline
function scoreAt(i: i32): f64 {
  return load<f64>(top + (<usize>i << 3));
}

// @ts-ignore: decorator
@inline
function rowAt(i: i32): i32 {
  return load<i32>(topRows + (<usize>i << 2));
}

function put(i: i32, score: f64, row: i32): void {
  store<f64>(top + (<usize>i << 3), score);
  store<i32>(topRows + (<usize>i << 2), row);
}

// @ts-ignore: decorator
@inline
function isWorse(score: f64, row: i32, than: i32): bool {
  const other = scoreAt(than);
  return score < other || (score == other && row > rowAt(than));
}

/** Rows come in order, so one that equals the worst so far stays out. NaN, which only damaged rows give, never comes in. */
// @ts-ignore: decorator
@inline
function offer(score: f64, row: i32, wanted: i32): void {
  if (found == wanted) {
    if (score > scoreAt(0)) sink(score, row, found);
  } else if (score == score) rise(score, row);
}

function rise(score: f64, row: i32): void {
  let i = found++;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (!isWorse(score, row, parent)) break;
    put(i, scoreAt(parent), rowAt(parent));
    i = parent;
  }
  put(i, score, row);
}

/** Puts a row in the place of the worst of the first `count`. */
function sink(score: f64, row: i32, count: i32): void {
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= count) break;
    if (child + 1 < count && isWorse(scoreAt(child + 1), rowAt(child + 1), child)) child++;
    if (isWorse(score, row, child)) break;
    put(i, scoreAt(child), rowAt(child));
    i = child;
  }
  put(i, score, row);
}

/** Sorts the heap where it lies, the best first. */
function inOrder(): i32 {
  for (let last = found - 1; last > 0; last--) {
    const score = scoreAt(last), row = rowAt(last);
    put(last, scoreAt(0), rowAt(0));
    sink(score, row, last);
  }
  return found;
}
