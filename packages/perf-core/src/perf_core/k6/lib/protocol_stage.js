/** The stage that measures the protocol itself. Only VUs whose plan has one load this module. */

import { exchangeError } from "./answers.js";

/**
 * Return a function that sends one request of each kind that is no part of a journey.
 * @param {import("./vu_client.js").McpClient} client
 * @param {(method: string, error: import("./answers.js").ErrorClass | null, duration_ms: number) => void} addSample
 * @returns {() => void}
 */
export function protocolStage(client, addSample) {
  let serverHasHealth = true;

  return function measureProtocol() {
    if (serverHasHealth) {
      const { status, error_code, timings } = client.healthCheck();
      // /health is not part of MCP: a server without one is not at fault.
      serverHasHealth = status !== 404;
      if (serverHasHealth) {
        const duration_ms = timings.blocked + timings.duration;
        addSample("GET /health", exchangeError(status, error_code), duration_ms);
      }
    }
    const ping = client.ping();
    addSample(ping.method, ping.error, ping.duration_ms);
    const list = client.request("tools/list");
    addSample("tools/list", list.error, list.duration_ms);
  };
}
