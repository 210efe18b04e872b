import { availableBuilds } from '../src/load.js';
import { measureAll } from '../test/numerics/measure.js';
const builds = [...await availableBuilds(), 'js' as const];
const t=performance.now();
const { shapes, kinds } = await measureAll(builds, 20, (n)=>console.error(n, ((performance.now()-t)/1000).toFixed(1)));
for (const m of [...shapes, ...kinds]) console.log(m.name, '|', m.shapes, '|', m.kernels.join(' '), '|', Object.entries(m.float).map(([b,e])=>`${b} ${e!.median.toFixed(2)} ${e!.worst.toPrecision(2)} ${e!.relative.toExponential(1)}`).join(' '), '|', m.whole.values, JSON.stringify(m.whole.differing), m.otherBits);
