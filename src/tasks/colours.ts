// Knows colours that tell classes apart; it knows no picture.

export type Colour = readonly [red: number, green: number, blue: number];

/**
 * Chosen one by one, each as far as can be from those before it for eyes with full sight, without red and without green
 * cones alike (Oklab distances after the matrices of Machado et al. 2009); one hexadecimal digit a channel.
 */
const PALETTE = 'f80 00f 824 abf 9fc 57b c66 ee0 04a 6ca b10 67f 0ab b37 ec7 69e 8ef e41 807 f87 16c d69 dc0 944'.split(' ');

/** The colour of a class; they begin again after 24. */
export function colourOf(index: number): Colour {
  const [red, green, blue] = [...PALETTE[index % PALETTE.length]].map((digit) => parseInt(digit, 16) * 17);
  return [red, green, blue];
}
