/** The load shapes of all scenario files, by name, loaded by plain node: k6 and the scenario's exports are stubs. */

import { readdirSync } from "node:fs";
import { register } from "node:module";

const moduleUrl = (source) => `data:text/javascript,${encodeURIComponent(source)}`;

const stub = moduleUrl(`
  export default {};
  export class Counter {}
  export class Trend {}
  export const b64encode = null, scenarioOf = () => ({}), sleep = null;`);

register(moduleUrl(`
  export function resolve(specifier, context, next) {
    const isStub = specifier.split("/")[0] === "k6" || specifier.endsWith("/lib/scenario.js");
    return isStub ? { url: ${JSON.stringify(stub)}, shortCircuit: true } : next(specifier, context);
  }`));

const folder = new URL("../../src/perf_core/k6/scenarios/", import.meta.url);
// slices.js is the schedule of a comparison, not a load shape.
const files = readdirSync(folder).filter((file) => file !== "slices.js");

export const shapes = Object.fromEntries(
  await Promise.all(files.map(async (file) => [file.replace(".js", ""), (await import(new URL(file, folder).href)).shape])),
);
