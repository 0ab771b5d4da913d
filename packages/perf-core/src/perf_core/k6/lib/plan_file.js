/** Reading of plan.json, once per run and never in a VU. */

import { SettingsError } from "./settings.js";

/**
 * @param {string} path absolute
 * @returns {any} content of the file, unchecked
 * @throws {SettingsError}
 */
export function readPlanFile(path) {
  let text;
  try {
    text = open(path);
  } catch (error) {
    throw new SettingsError("PLAN", `the path of a readable plan.json (${error})`, path);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SettingsError("PLAN", `a file of JSON (${error})`, path);
  }
}
