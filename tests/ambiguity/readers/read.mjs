// Reads corpus entries as JavaScript programs do: `read.mjs json|json5|sdk`.
// One JSON entry a line on stdin; one JSON string a line on stdout, as in read.py.

import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const require = createRequire(process.env.READERS_MODULES ?? import.meta.url);

const text = (s) =>
  JSON.stringify(s).replace(/[\u007f-\uffff]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));

function render(value) {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return String(value);
    return Number.isInteger(value) ? BigInt(value).toString() : String(value);
  }
  if (typeof value === 'string') return text(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return '[' + value.map(render).join(',') + ']';
  return '{' + Object.keys(value).sort().map((k) => text(k) + ':' + render(value[k])).join(',') + '}';
}

const VIEW = {
  jsonrpc: null, id: null, method: null,
  params: {
    name: null, uri: null, cursor: null, arguments: null, requestId: null,
    _meta: { 'io.modelcontextprotocol/protocolVersion': null, progressToken: null },
    ref: { type: null, name: null, uri: null },
  },
  result: {
    tools: [{ name: null, description: null, inputSchema: null, annotations: { destructiveHint: null } }],
  },
  error: { code: null, message: null },
};

function view(value, shape = VIEW) {
  if (shape === null) return value;
  if (Array.isArray(value)) return value.map((element) => view(element, Array.isArray(shape) ? shape[0] : shape));
  if (value === null || typeof value !== 'object' || Array.isArray(shape)) return value;
  const found = {};
  for (const [key, inner] of Object.entries(shape)) {
    const member = Object.hasOwn(value, key) ? view(value[key], inner) : null;
    if (member !== null) found[key] = member;
  }
  return found;
}

// The official SDK (`@modelcontextprotocol/sdk`): which role it sees, and what it keeps.
function sdk(t) {
  const types = require('@modelcontextprotocol/sdk/types.js');
  const message = types.JSONRPCMessageSchema.parse(JSON.parse(t));
  const roles = {
    Request: types.JSONRPCRequestSchema,
    Notification: types.JSONRPCNotificationSchema,
    Response: types.JSONRPCResultResponseSchema,
    Error: types.JSONRPCErrorResponseSchema,
  };
  const role = Object.keys(roles).find((name) => roles[name].safeParse(message).success);
  return [role, view(message)];
}

const PARSERS = { json: (t) => view(JSON.parse(t)), json5: (t) => view(require('json5').parse(t)), sdk };

function calls(messages) {
  const read = [];
  for (const message of messages) {
    try {
      read.push(render(view(JSON.parse(message))));
    } catch {
      // Not a message to this reader.
    }
  }
  return read.join(' ') || 'nothing';
}

function sse(data) {
  const messages = [];
  const { createParser } = require('eventsource-parser');
  createParser({ onEvent: (event) => messages.push(event.data) }).feed(data);
  return calls(messages);
}

function header(entry) {
  const headers = new Headers();
  for (const [name, value] of entry.headers) headers.append(name, value);
  const found = {};
  for (const name of ['MCP-Protocol-Version', 'Mcp-Method', 'Mcp-Name', 'Mcp-Param-X']) {
    let value = headers.get(name);
    if (value === null) continue;
    if (value.startsWith('=?base64?') && value.endsWith('?=')) {
      value = Buffer.from(value.slice(9, -2), 'base64').toString();
    }
    const isNumber = name === 'Mcp-Param-X' && (entry.schema ?? '').includes('integer');
    found[name] = isNumber ? Number(value) : value;
  }
  return render(found);
}

function read(parser, entry) {
  const data = Buffer.from(entry.base64 ?? entry.bytes, entry.base64 ? 'base64' : 'utf8');
  if (entry.layer === 'message' || entry.layer === 'surface') return render(PARSERS[parser](data.toString()));
  if (parser !== 'json') return '';
  if (entry.layer === 'lines') return calls(data.toString().split('\n').filter((line) => line !== ''));
  return entry.layer === 'sse' ? sse(data.toString()) : header(entry);
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(read(process.argv[2], JSON.parse(line))));
  } catch {
    console.log('null');
  }
}
