// Knows where fetched files are kept on each kind of host: a folder, a browser's Cache API, or memory. It does not know
// what the files are.
import { builtIn, environment, hasFiles, nodeProcess } from '../builtin.js';

export interface Store {
  /** Where a file lies or would lie, for people; undefined where there is no such place. */
  place(file: string): string | undefined;
  /** Bytes of a kept file; undefined where there is none. */
  size(file: string): Promise<number | undefined>;
  read(file: string): Promise<Uint8Array | undefined>;
  /** All or nothing, whatever other processes do meanwhile. */
  write(file: string, bytes: Uint8Array): Promise<void>;
  remove(file: string): Promise<void>;
}

/** @param place a folder where there is a file system (default: DEPTHWISE_CACHE, else what the platform has for caches), in a browser a cache's name */
export async function openStore(place?: string | true): Promise<Store> {
  if (hasFiles()) return folderStore(place === true ? undefined : place);
  try {
    return cacheStore(await caches.open(typeof place === 'string' ? place : 'depthwise'));
  } catch {
    return memory; // no Cache API, or a page that may not use it
  }
}

/** A file that is being written; of another process as well, perhaps on another machine. */
const TEMPORARY = /^\..+\.\d+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/, LONGEST_WRITE_MS = 10 * 60_000;

async function folderStore(given?: string): Promise<Store> {
  const { readFile, readdir, stat, writeFile, rename, rm, mkdir } = builtIn('node:fs/promises'), path = builtIn('node:path'), { homedir } = builtIn('node:os');
  const folder = path.resolve(given ?? environment('DEPTHWISE_CACHE') ?? path.join(cacheFolder(nodeProcess()!.platform, homedir(), path.join), 'depthwise'));
  const at = (file: string): string => path.join(folder, file);
  /** What processes left that were killed while they wrote. */
  const sweep = async (): Promise<void> => {
    for (const file of (await readdir(folder)).filter((name) => TEMPORARY.test(name))) {
      const { mtimeMs } = await stat(at(file)).catch(() => ({ mtimeMs: Infinity })); // another sweeps, too
      if (Date.now() - mtimeMs > LONGEST_WRITE_MS) await rm(at(file), { force: true });
    }
  };
  return {
    place: at,
    size: (file) => stat(at(file)).then((found) => (found.isFile() ? found.size : undefined), () => undefined),
    read: (file) => readFile(at(file)).then((bytes) => Uint8Array.from(bytes), () => undefined),
    async write(file, bytes) {
      await mkdir(folder, { recursive: true });
      await sweep().catch(() => undefined);
      const temporary = at(`.${file}.${nodeProcess()!.pid}.${crypto.randomUUID()}.tmp`);
      try {
        await writeFile(temporary, bytes, { flag: 'wx' });
        await rename(temporary, at(file));
      } catch (cause) {
        await rm(temporary, { force: true });
        throw cause;
      }
    },
    remove: (file) => rm(at(file), { force: true }),
  };
}

export function cacheFolder(platform: string, home: string, join: (...parts: string[]) => string): string {
  if (platform === 'win32') return environment('LOCALAPPDATA') ?? join(home, 'AppData', 'Local');
  if (platform === 'darwin') return join(home, 'Library', 'Caches');
  return environment('XDG_CACHE_HOME') ?? join(home, '.cache');
}

/** The Cache API takes addresses for keys; nobody can have this one (RFC 2606). */
function cacheStore(cache: Cache): Store {
  const key = (file: string): string => `https://depthwise.invalid/${file}`;
  return {
    place: () => undefined,
    size: async (file) => {
      const found = await cache.match(key(file));
      return found && Number(found.headers.get('content-length'));
    },
    read: async (file) => {
      const found = await cache.match(key(file));
      return found && new Uint8Array(await found.arrayBuffer());
    },
    write: (file, bytes) => cache.put(key(file), new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { 'content-length': String(bytes.length) } })),
    remove: async (file) => void (await cache.delete(key(file))),
  };
}

const kept = new Map<string, Uint8Array>();

const memory: Store = {
  place: () => undefined,
  size: async (file) => kept.get(file)?.length,
  read: async (file) => kept.get(file)?.slice(),
  write: async (file, bytes) => void kept.set(file, bytes.slice()),
  remove: async (file) => void kept.delete(file),
};
