// Knows how to reach modules that only Node, Deno and Bun have built in, without an import that bundlers for other hosts
// would warn of or fail at. It does not know what they are used for.
import { DepthwiseError } from './error.js';

type BuiltIn = typeof process.getBuiltinModule;

/** Read from the global object: bundlers put in a polyfill for the bare word, and Next.js warns of it in code for the edge. */
export const nodeProcess = (): NodeJS.Process | undefined => (globalThis as { process?: NodeJS.Process }).process;

/** Whether this is Cloudflare's runtime, which imitates Node as well. */
export const inWorkerd = (): boolean => (globalThis as { navigator?: Navigator }).navigator?.userAgent === 'Cloudflare-Workers';

/** Whether this host has a file system: Node, Deno and Bun do; Workers have none that lasts. */
export const hasFiles = (): boolean => Boolean(nodeProcess()?.versions?.node) && !inWorkerd();

/** Milliseconds since some moment; engines on their own have no performance. */
export const now = (): number => (globalThis.performance ?? Date).now();

/** A module of a host that has files. */
export const builtIn: BuiltIn = ((name: string) => {
  const found = nodeProcess()?.getBuiltinModule?.(name);
  if (!found) throw new DepthwiseError('UNSUPPORTED', `This host does not hand out ${name}. Use Node 20.16 or newer, or hand over bytes instead of a path or name.`);
  return found;
}) as BuiltIn;

/** A variable of the environment, where there is one. */
export const environment = (name: string): string | undefined => (hasFiles() && nodeProcess()!.env[name]) || undefined;
