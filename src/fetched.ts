// Knows which sources of weights take more than reading: the zoo's names, and addresses whose bytes are to be kept. Both
// are files apart, fetched by those who need them.
import { DepthwiseError } from './error.js';
import { fetchBytes, isUrl } from './source.js';
import type { FetchOptions, Source } from './source.js';

export interface KeepOptions extends FetchOptions {
  /**
   * Keeps what comes from an address, and looks there first: in a browser in the Cache API (`true`: the cache "depthwise",
   * else its name), on hosts with files in a folder (`true`: the platform's place for caches). With `integrity` what is
   * found is checked, and fetched again when it is wrong; without, it is taken as it is, so change the address with the file.
   */
  cache?: string | true;
}

/** Why a file that is kept apart did not come. */
export const notBeside = (file: string) => (cause: unknown): never => {
  throw new DepthwiseError('NOT_FOUND', `${file} is not beside this module. Serve it there.`, { cause });
};

/** Bytes, and the options with what the zoo knows of them. */
export async function fetched<O extends KeepOptions>(source: Source, options: O): Promise<[Uint8Array, O]> {
  if (typeof source === 'string' && source.startsWith('zoo:')) {
    const { weights, ...about } = await (await import('./zoo.js').catch(notBeside('zoo.js'))).pull(source.slice(4), options);
    source = weights;
    options = { ...about, ...options };
  } else if (options.cache !== undefined && (typeof source === 'string' || isUrl(source))) {
    const { cached } = await import('./cache.js').catch(notBeside('cache.js'));
    return [await cached(source, options), options];
  }
  return [await fetchBytes(source, options), options];
}
