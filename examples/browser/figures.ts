// Knows how numbers are written for people: shares, times, bytes, amounts of work. It knows no page.

const digits = (value: number, most: number): string => value.toLocaleString('en', { maximumFractionDigits: most, minimumFractionDigits: most });

/** Three figures at most: 0.042, 4.20, 42.0, 420. */
const three = (value: number): string => digits(value, value >= 99.5 ? 0 : value >= 9.95 ? 1 : 2);

export const percent = (share: number): string => `${digits(share * 100, share > 0.0995 && share < 0.9995 ? 0 : 1)} %`;

export const milliseconds = (ms: number): string => (ms < 0.0995 ? `${digits(ms * 1000, 0)} µs` : `${three(ms)} ms`);

export const bytes = (count: number): string =>
  (count < 1000 ? `${count} bytes` : count < 1e6 ? `${three(count / 1e3)} kB` : `${three(count / 1e6)} MB`);

export const amount = (count: number): string =>
  (count < 1000 ? String(count) : count < 1e6 ? `${three(count / 1e3)} thousand` : `${three(count / 1e6)} million`);

/** Multiply-adds per second, in thousand millions. */
export const speed = (macs: number, ms: number): string => (macs && ms ? `${three(macs / ms / 1e6)} GMAC/s` : '–');

/** Shapes without the batch: 64 × 64 × 16. */
export const shape = (sizes: number[]): string => (sizes.length > 1 && sizes[0] === 1 ? sizes.slice(1) : sizes).join(' × ');
