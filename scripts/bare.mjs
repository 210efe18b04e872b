// Knows how the numbers of assembly/abi.ts become a C header and the page docs/bare.md, for hosts without JavaScript.
// Usage: node scripts/bare.mjs [--check], which writes nothing and fails where they are out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const textOf = (file) => readFileSync(path.join(root, file), 'utf8');

/** Sections of abi.ts: a comment that stands alone, and the constants up to the next. */
function sectionsOf(text) {
  const sections = [];
  for (const block of text.split(/\n\n/)) {
    const about = /^\/\*\* (.*?)\s*\*\/$/ms.exec(block)?.[1].replace(/\n \* ?/g, ' ');
    const constants = [...block.matchAll(/^export const (\w+) = (.+?);(?: \/\/ (.*))?$/gm)].map(([, name, value, note = '']) => ({ name, value, note }));
    if (constants.length) sections.push({ about: about ?? '', constants });
  }
  return sections;
}

/** The lines of the comment that a file opens with, from the first indented one on. */
function drawing(file, from) {
  const comment = textOf(file).split('\n').filter((line, i, lines) => line.startsWith('//') && lines.slice(0, i).every((before) => before.startsWith('//'))).map((line) => line.slice(3));
  return comment.slice(comment.findIndex((line) => line.startsWith(from))).join('\n').trimEnd();
}

const HEADER = `/* Knows the numbers of step records, for C: made from assembly/abi.ts by scripts/bare.mjs, which docs/bare.md explains. */
#ifndef DEPTHWISE_RECORDS_H
#define DEPTHWISE_RECORDS_H
`;

function header(sections) {
  const names = new Set(sections.flatMap(({ constants }) => constants.map(({ name }) => name)));
  const inC = (value) => value.replace(/\b[A-Z][A-Z0-9_]*\b/g, (word) => (names.has(word) ? `DW_${word}` : word));
  const body = sections.map(({ about, constants }) => `${about ? `/* ${about} */\n` : ''}${constants.map(({ name, value, note }) => `#define DW_${name} ${/\W/.test(value) ? `(${inC(value)})` : inC(value)}${note ? ` /* ${note} */` : ''}`).join('\n')}`);
  return `${HEADER}\n${body.join('\n\n')}\n\n#endif\n`;
}

const rows = (constants) => constants.map(({ name, value, note }) => `| \`${name}\` | ${value} | ${note.replace(/\|/g, '\\|')}|`).join('\n');

function page(sections, template) {
  const tables = sections.map(({ about, constants }) => `${about || 'Other numbers.'}\n\n| name | number | |\n|---|---|---|\n${rows(constants)}`).join('\n\n');
  return template
    .replace('{{layouts}}', () => `\`\`\`\n${drawing('assembly/abi.ts', '  A step record')}\n\`\`\``)
    .replace('{{parameters}}', () => `\`\`\`\n${drawing('assembly/requantise.ts', 'One block of parameters')}\n\`\`\``)
    .replace('{{file}}', () => `\`\`\`\n${drawing('src/formats/dw.ts', '  byte 0')}\n\`\`\``)
    .replace('{{tables}}', () => tables);
}

const FILES = { 'examples/microcontroller/records.h': (sections) => header(sections), 'docs/bare.md': (sections) => page(sections, textOf('scripts/bare.md')) };

const sections = sectionsOf(textOf('assembly/abi.ts')), stale = [];
for (const [file, make] of Object.entries(FILES)) {
  const text = make(sections);
  if (!process.argv.includes('--check')) writeFileSync(path.join(root, file), text);
  else if (textOf(file) !== text) stale.push(file);
}
if (stale.length) console.error(`${stale.join(' and ')} differ from assembly/abi.ts. To make them again: node scripts/bare.mjs`);
process.exitCode = stale.length ? 1 : 0;
