import { measureHosts } from '../test/numerics/hosts.js';
const t=performance.now();
const r = await measureHosts(process.argv[2] ?? '', (n)=>console.error(n, ((performance.now()-t)/1000).toFixed(1)));
console.log(JSON.stringify(r,null,1));
