/**
 * Pauses of a user between two journeys, drawn anew each time. Only plans with think times of their own load this module.
 * Pure: imports nothing of k6, so plain node can test it.
 */

/** Longest exponential pause, in means: one in 150 would be longer, and could outlast a short run. */
const MOST_MEANS = 5;

/** Distributions by name, with the number of their parameters. @type {Record<string, number>} */
export const DISTRIBUTIONS = { constant: 1, uniform: 2, exponential: 1 };

/**
 * Return the length of one pause in seconds.
 * @param {string} text "constant 2", "uniform 1 3" (from 1 to 3 s), "exponential 2" (its mean), or nothing
 * @param {() => number} random from 0 to 1
 */
export function pauseS(text, random) {
  const [distribution, a, b] = text.split(" ");
  switch (distribution) {
    case "constant": return Number(a);
    case "uniform": return Number(a) + (Number(b) - Number(a)) * random();
    case "exponential": return Number(a) * Math.min(MOST_MEANS, Math.log(1 / (1 - random())));
    default: return 0;
  }
}
