// Knows how results look on a terminal: tables, bars, units and colour; it knows no network and reads no file.

const COLOURS = { bold: 1, dim: 2, green: 32, cyan: 36 };

/** Colour is for a person at a terminal; a pipe or NO_COLOR gets plain text. */
export function paint(colour: keyof typeof COLOURS, text: string): string {
  const wanted = process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  return wanted ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
}

/** Eighths of a character make a bar of 20 characters exact to half a percent. */
export function bar(share: number, width = 20): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share || 0)) * width * 8);
  const full = '█'.repeat(eighths >> 3);
  const part = eighths & 7 ? '▏▎▍▌▋▊▉'[(eighths & 7) - 1] : '';
  return (full + part).padEnd(width);
}

/** Columns of numbers are right-aligned; a column is numeric when its cells are. */
export function table(head: string[], rows: (string | number)[][]): string {
  const cells = rows.map((row) => row.map(String));
  const widths = head.map((title, c) => Math.max(title.length, ...cells.map((row) => row[c].length)));
  const numeric = head.map((_, c) => cells.every((row) => /^-?[\d.]+$/.test(row[c])));
  const line = (row: string[]) => row.map((cell, c) => (numeric[c] ? cell.padStart(widths[c]) : cell.padEnd(widths[c]))).join('  ').trimEnd();
  return [paint('dim', line(head)), ...cells.map(line)].join('\n');
}

export const shape = (dimensions: number[]) => (dimensions.length ? dimensions.join('x') : 'scalar');

/** Long names are cut in the middle: their ends tell layers apart. */
export const shorten = (name: string, width: number) =>
  name.length <= width ? name : `${name.slice(0, Math.floor(width / 3))}…${name.slice(name.length - (width - Math.floor(width / 3) - 1))}`;

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${(count / 1000).toFixed(1)} kB` : `${(count / 1e6).toFixed(2)} MB`;
}

export const millions = (count: number) => (count / 1e6).toFixed(2);

/** A share, 0 to 1. */
export const percent = (part: number) => `${(part * 100).toFixed(1)} %`;

export const ms = (time: number) => `${time < 10 ? time.toFixed(2) : time.toFixed(1)} ms`;

export const print = (text: string) => void process.stdout.write(`${text}\n`);

/** The one document of `--json`. */
export const printJson = (value: unknown) => print(JSON.stringify(value, null, 2));

/** A line beside the answer: stdout stays what was asked for. */
export const note = (text: string) => void process.stderr.write(`${text}\n`);

/** One line that is written over, for a person at a terminal; the last step clears it. */
export function progress(what: string, done: number, total: number): void {
  if (process.stderr.isTTY) process.stderr.write(done < total ? `\r\x1b[K${what} ${bar(done / total)} ${done} of ${total}` : '\r\x1b[K');
}

/** For a download; without a known end there is no bar to draw. */
export const progressInBytes = (name: string) => (done: number, total: number): void => {
  if (total) progress(`${name}, kB`, Math.floor(done / 1000), Math.floor(total / 1000));
};
