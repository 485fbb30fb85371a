// A server of the MCP TypeScript SDK behind its `requireBearerAuth`, whose verifier is `jose`, as the two
// documentations have them.
//   node sdk.mjs PORT JWKS ISSUER

import { readFileSync } from 'node:fs';
import express from '../../npm/node_modules/express/index.js';
import * as jose from '../../npm/node_modules/jose/dist/webapi/index.js';
import { InvalidTokenError } from '../../npm/node_modules/@modelcontextprotocol/sdk/dist/esm/server/auth/errors.js';
import { requireBearerAuth } from '../../npm/node_modules/@modelcontextprotocol/sdk/dist/esm/server/auth/middleware/bearerAuth.js';
import { McpServer } from '../../npm/node_modules/@modelcontextprotocol/sdk/dist/esm/server/mcp.js';
import { StreamableHTTPServerTransport } from '../../npm/node_modules/@modelcontextprotocol/sdk/dist/esm/server/streamableHttp.js';

const [port, jwks, issuer] = process.argv.slice(2);
const resource = `http://127.0.0.1:${port}/mcp`;
const keys = jose.createLocalJWKSet(JSON.parse(readFileSync(jwks, 'utf8')));
const verifier = {
  async verifyAccessToken(token) {
    try {
      const { payload } = await jose.jwtVerify(token, keys, { issuer, audience: resource, typ: 'at+jwt' });
      return {
        token, clientId: payload.client_id, scopes: (payload.scope ?? '').split(' '), expiresAt: payload.exp,
        resource: new URL(resource),
      };
    } catch (error) {
      throw new InvalidTokenError(error.code ?? 'invalid');
    }
  },
};
const app = express();
app.use(express.json());
app.post('/mcp', requireBearerAuth({ verifier, requiredScopes: ['files:read'], expectedResource: resource }), async (request, response) => {
  const server = new McpServer({ name: 'guarded', version: '1.0.0' });
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
app.listen(Number(port), '127.0.0.1');
