// Knows which networks can be picked: those that lie beside the page, and the official ones that are fetched by name. It
// loads none.
import zoo from '../../weights/zoo.json';

export interface Shipped {
  file: string;
  family: string;
  numbers: 'int8' | 'float32';
}

export const FAMILIES = ['V3-Small', 'V3-Large', 'V2', 'V1'];
export const NUMBERS = ['int8', 'float32'] as const;

/** What build.mjs found in weights/ and copied. */
declare const SHIPPED: string[];

/** everyday.dw, everyday-v2.float16.dw … ; float16 is how float32 weights are stored. */
export const shipped: Shipped[] = SHIPPED.map((file) => {
  const [, name = 'v3-small', float] = /^everyday(?:-([a-z0-9-]+))?(\.float16)?\.dw$/.exec(file) ?? [];
  return { file, family: FAMILIES.find((family) => family.toLowerCase() === name) ?? name, numbers: float ? 'float32' : 'int8' };
});

/** Where a file of the catalogue lies, from the page. */
export const addressOf = ({ file }: Shipped): URL => new URL(`weights/${file}`, document.baseURI);

export interface Official {
  name: string;
  family: string;
  /** Size in bytes, where it is known. */
  bytes?: number;
  classes?: number;
}

export const official: Official[] = zoo.weights.map(({ name, family, bytes, classes }: Official) => ({ name, family, bytes, classes }));
