/**
 * A calculator with the official TypeScript SDK, directly on node:http, with JSON responses, like the SDK's
 * examples without Express. Session wire: an McpServer per session, behind the SDK's Streamable HTTP transport.
 * Stateless wire: the SDK's handler, which requires an McpServer per request.
 *
 *     node server.mjs [--port N] [--ready-file PATH]
 */

import { randomUUID } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const NAME = "reference-typescript";
const HOST = "127.0.0.1";
const DRAIN_MS = 2000;

const { values: options } = parseArgs({
  options: { port: { type: "string", default: "0" }, "ready-file": { type: "string" } },
});

// Imported dynamically, so that a missing SDK is reported with the command that installs it.
const { McpServer, NodeStreamableHTTPServerTransport, createMcpHandler, toNodeHandler, z } = await sdk();

const OPERATIONS = {
  add: ["Add two numbers.", (a, b) => a + b],
  subtract: ["Subtract the second number from the first.", (a, b) => a - b],
  multiply: ["Multiply two numbers.", (a, b) => a * b],
  divide: ["Divide the first number by the second.", (a, b) => a / b],
};

/** Created once: compiling schemas is not part of serving a call. */
const INPUT = z.object({ a: z.number(), b: z.number() });
const OUTPUT = z.object({ result: z.number() });

/** The transports of the open sessions, by session id. */
const sessions = new Map();

const STATELESS = "2026-07-28";
const stateless = toNodeHandler(createMcpHandler(calculator, { legacy: "reject", responseMode: "json" }));

const http = createServer((request, response) => {
  handle(request, response).catch((error) => {
    console.error(error);
    if (!response.headersSent) refuse(response, 500, -32603, "Internal error");
  });
});
// Node's default of 5 s would close connections during think time.
http.keepAliveTimeout = 75_000;
http.listen({ host: HOST, port: Number(options.port), backlog: 2048 }, writeReadyFile);
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

async function sdk() {
  try {
    const [server, adapter, zod] = await Promise.all([
      import("@modelcontextprotocol/server"),
      import("@modelcontextprotocol/node"),
      import("zod"),
    ]);
    return { ...server, ...adapter, z: zod.z };
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    const folder = dirname(fileURLToPath(import.meta.url));
    console.error(
      `expected the TypeScript SDK in ${folder}/node_modules, got none or an incomplete one; install it:\n` +
      `npm install --no-package-lock --ignore-scripts --prefix "${folder}"`,
    );
    process.exit(1);
  }
}

function calculator() {
  const server = new McpServer({ name: NAME, version: "0.1.0" });
  for (const [name, [description, operation]] of Object.entries(OPERATIONS)) {
    const config = {
      description,
      inputSchema: INPUT,
      outputSchema: OUTPUT,
    };
    server.registerTool(name, config, async ({ a, b }) => {
      const result = operation(a, b);
      // An exception becomes a result with isError. A zero divisor gives infinity or NaN.
      if (!Number.isFinite(result)) throw new Error("The result is not a finite 64-bit float.");
      return { content: [{ type: "text", text: JSON.stringify({ result }) }], structuredContent: { result } };
    });
  }
  return server;
}

async function handle(request, response) {
  if (request.url !== "/mcp") return refuse(response, 404, -32000, "The endpoint is /mcp");
  // Choose the wire by the header: the SDK would read the body twice to find out.
  if (request.headers["mcp-protocol-version"] === STATELESS) return stateless(request, response);
  const id = request.headers["mcp-session-id"];
  const transport = id === undefined ? await openTransport() : sessions.get(id);
  if (transport === undefined) return refuse(response, 404, -32001, "Session not found");
  return transport.handleRequest(request, response);
}

/** Return a transport without a session, which refuses everything except `initialize`. */
async function openTransport() {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: true,
    onsessioninitialized: (id) => sessions.set(id, transport),
    onsessionclosed: (id) => sessions.delete(id),
  });
  await calculator().connect(transport);
  return transport;
}

function refuse(response, status, code, message) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ jsonrpc: "2.0", error: { code, message }, id: null }));
}

function writeReadyFile() {
  const path = options["ready-file"];
  if (path === undefined) return;
  // Written under another name and renamed, so that a reader never sees half of it.
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, JSON.stringify({ url: `http://${HOST}:${http.address().port}/mcp`, pid: process.pid }));
  renameSync(draft, path);
}

function stop() {
  http.close(() => process.exit(0));
  setTimeout(() => http.closeAllConnections(), DRAIN_MS).unref();
}
