// Checks that docs/bare.md and the C header say what assembly/abi.ts says now, and that all of it reached them.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as abi from '../assembly/abi.js';
import { says } from './apart.js';

test('docs/bare.md and records.h are what node scripts/bare.mjs writes', async () => {
  const { code, said } = await says(process.execPath, ['scripts/bare.mjs', '--check'], '.');
  assert.is(code, 0, said);
});

test('both have every number of abi.ts', () => {
  const header = readFileSync('examples/microcontroller/records.h', 'utf8'), page = readFileSync('docs/bare.md', 'utf8');
  const names = Object.entries(abi).filter(([, value]) => typeof value === 'number').map(([name]) => name);
  assert.ok(names.length > 100);
  assert.equal(names.filter((name) => !new RegExp(`^#define DW_${name} `, 'm').test(header) || !page.includes(`\n| \`${name}\` |`)), []);
});

test.run();
