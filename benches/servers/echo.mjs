// The echo server in Node, as most real servers are: `node echo.mjs http` or `node echo.mjs stdio`.
// Twenty tools, of which `echo` gives its argument back. No dependencies.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const real = JSON.parse(readFileSync(new URL("../surfaces/playwright.json", import.meta.url)));
const echo = {
  name: "echo",
  description: "Gives its argument back.",
  inputSchema: {
    type: "object",
    properties: { text: { type: "string" } },
    required: ["text"],
  },
};
const results = {
  initialize: () => ({
    protocolVersion: "2025-06-18",
    capabilities: { tools: {} },
    serverInfo: { name: "echo", version: "1.0.0" },
  }),
  ping: () => ({}),
  "tools/list": () => ({ tools: [echo, ...real.tools.slice(0, 19)] }),
  "tools/call": ({ arguments: { text } }) => ({ content: [{ type: "text", text }] }),
};

function answer(text) {
  const { id, method, params } = JSON.parse(text);
  if (id === undefined) return undefined;
  const result = results[method]?.(params);
  if (result) return JSON.stringify({ jsonrpc: "2.0", id, result });
  return JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "no such method" } });
}

let sessions = 0;

async function serve(request, response) {
  if (request.method !== "POST") return response.writeHead(request.method === "DELETE" ? 200 : 405).end();
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = answer(Buffer.concat(chunks));
  const headers = { "content-type": "application/json" };
  if (!request.headers["mcp-session-id"]) headers["mcp-session-id"] = String(sessions++);
  if (body === undefined) return response.writeHead(202, headers).end();
  response.writeHead(200, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
}

if (process.argv[2] === "http") {
  const server = createServer({ keepAliveTimeout: 0 }, serve);
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
} else {
  createInterface({ input: process.stdin }).on("line", (line) => {
    const body = answer(line);
    if (body !== undefined) process.stdout.write(body + "\n");
  });
}
