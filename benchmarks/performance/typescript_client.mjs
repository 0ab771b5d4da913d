/**
 * Clients of the official TypeScript SDK, each of which calls `add` again and again.
 *
 *     node typescript_client.mjs --url URL --wire session|stateless --connections N --slice-s S
 *
 * Prints "connected" after the first call of each, waits for a line, calls for S seconds, prints the number of
 * calls, and waits for another line before it ends the sessions. Each answer is checked.
 */

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" }, wire: { type: "string" }, connections: { type: "string" }, "slice-s": { type: "string" },
  },
});

const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function connect() {
  const versionNegotiation = { mode: options.wire === "stateless" ? "auto" : "legacy" };
  const client = new Client({ name: "shapes", version: "1" }, { versionNegotiation });
  const transport = new StreamableHTTPClientTransport(new URL(options.url));
  await client.connect(transport);
  return { client, transport };
}

async function callUntil(client, end) {
  let count = 0;
  while (count === 0 || performance.now() < end) {
    count += 1;
    const answer = await client.callTool({ name: "add", arguments: { a: count, b: 0.5 } });
    if (answer.structuredContent?.result !== count + 0.5) {
      console.error(`expected ${count + 0.5}, got ${JSON.stringify(answer)}`);
      process.exit(1);
    }
  }
  return count;
}

const connections = await Promise.all(Array.from({ length: Number(options.connections) }, connect));
for (const { client } of connections) await callUntil(client, 0);
console.log("connected");
await lines.next();
const end = performance.now() + 1000 * Number(options["slice-s"]);
const counts = await Promise.all(connections.map(({ client }) => callUntil(client, end)));
console.log(counts.reduce((sum, count) => sum + count, 0));
await lines.next();
for (const { client, transport } of connections) {
  await transport.terminateSession();
  await client.close();
}
process.exit(0);
