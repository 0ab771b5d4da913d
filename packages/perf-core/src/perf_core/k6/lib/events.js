/**
 * Events of a run beside its metrics: sessions, failed and slow calls, as lines of JSON on k6's console, which the
 * lab reads from a file (`--console-output`). In a run without the lab there are none.
 */

/** k6 has a console, which its types lack. @type {any} */
const globals = globalThis;

/** Longest texts of an example. */
const LONGEST_TEXT = 2000;

/**
 * @param {string} event name @param {Record<string, unknown>} fields
 */
export function report(event, fields) {
  globals.console.log(JSON.stringify({ event, ...fields }));
}

/** Return a text cut to the length of an example. @param {unknown} text */
export function excerpt(text) {
  const whole = text === null || text === undefined ? "" : String(text);
  return whole.length <= LONGEST_TEXT ? whole : `${whole.slice(0, LONGEST_TEXT)}… (${whole.length} characters)`;
}
