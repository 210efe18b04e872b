// Knows how to reach modules that only Node, Deno and Bun have built in, without an import that bundlers for other hosts
// would warn of or fail at. It does not know what they are used for.
import { DepthwiseError } from './error.js';

type BuiltIn = typeof process.getBuiltinModule;

/** Whether this host has a file system: Node, Deno and Bun do; Workers that imitate Node have none that lasts. */
export const hasFiles = (): boolean =>
  typeof process === 'object' && Boolean(process.versions?.node) && (globalThis as { navigator?: Navigator }).navigator?.userAgent !== 'Cloudflare-Workers';

/** A module of a host that has files. */
export const builtIn: BuiltIn = ((name: string) => {
  const found = process.getBuiltinModule?.(name);
  if (!found) throw new DepthwiseError('UNSUPPORTED', `This host does not hand out ${name}. Use Node 20.16 or newer, or hand over bytes instead of a path or name.`);
  return found;
}) as BuiltIn;

/** A variable of the environment, where there is one. */
export const environment = (name: string): string | undefined => (hasFiles() && process.env[name]) || undefined;
