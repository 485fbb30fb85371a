// Lists and calls over the HTTP+SSE transport of 2024-11-05 with the official TypeScript SDK.
//
//     sse.mjs URL
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('../npm/', import.meta.url));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { Client } = await load('@modelcontextprotocol/sdk/client/index.js');
const { SSEClientTransport } = await load('@modelcontextprotocol/sdk/client/sse.js');

const client = new Client({ name: 'countersign-tests', version: '1.0.0' });
await client.connect(new SSEClientTransport(new URL(process.argv[2])));
const seen = [
    ['capabilities', client.getServerCapabilities()],
    ['tools', await client.listTools()],
    ['echo', await client.callTool({ name: 'echo', arguments: { message: 'good morning' } })],
    ['many', await Promise.all(Array.from({ length: 20 }, (_, a) => client.callTool({ name: 'get-sum', arguments: { a, b: 1 } })))]
];
console.log(JSON.stringify(seen, null, 1));
process.exit(0);
