// Knows how the command line reads and writes files: whole, with messages a person can act on; it knows no format.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DepthwiseError } from '../error.js';

const REASONS: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder, and a file is needed',
  ENOTDIR: 'part of its path is a file, not a folder',
  EEXIST: 'a file of that name is in the way',
  EACCES: 'you are not allowed to',
  EPERM: 'you are not allowed to',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk is read-only',
};

const reasonOf = (error: unknown) => {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? message;
};

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** `what` says which role the file has: "photo", "weights", "input". */
export function readBytes(file: string, what: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(readFileSync(file)); // a copy of its own: Node's small reads share one buffer at odd offsets
  } catch (error) {
    throw new DepthwiseError(isMissing(error) ? 'NOT_FOUND' : 'BAD_INPUT', `cannot read the ${what} ${file}: ${reasonOf(error)}.`, { cause: error });
  }
}

/** Written beside its place and then renamed: a reader never sees half a file, a failure leaves the old one. */
export function writeWhole(file: string, bytes: Uint8Array | string): void {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
  try {
    writeFileSync(temporary, bytes);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new DepthwiseError('BAD_INPUT', `cannot write ${file}: ${reasonOf(error)}.`, { cause: error });
  }
}

export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new DepthwiseError('BAD_INPUT', `cannot make the folder ${folder}: ${reasonOf(error)}.`, { cause: error });
  }
}

/** One label a line, or a JSON list of strings. */
export function readLabels(file: string): string[] {
  const text = new TextDecoder().decode(readBytes(file, 'labels'));
  if (!text.trimStart().startsWith('[')) return text.replace(/\r?\n$/, '').split(/\r?\n/);
  try {
    const labels: unknown = JSON.parse(text);
    if (Array.isArray(labels) && labels.every((label) => typeof label === 'string')) return labels;
  } catch {
    // said below: a broken list and a list of something else need the same advice
  }
  throw new DepthwiseError('BAD_FILE', `${file} begins like a JSON list but is not a list of strings. Give one label a line, or ["a", "b", …].`);
}
