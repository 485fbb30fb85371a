// The authorization server of domain A: `oidc-provider`, which knows nothing of Countersign.

import { createServer } from 'node:http';
import * as jose from 'jose';
import { Provider, errors } from 'oidc-provider';

// Stdout is the trace's.
console.info = console.warn = () => {};

export async function authorizationServer(resources) {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const own = await jose.generateKeyPair('ES256', { extractable: true });
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await jose.exportJWK(own.privateKey)), alg: 'ES256', use: 'sig', kid: 'as-1' }] },
    clients: [{
      client_id: 'agent', token_endpoint_auth_method: 'none', application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback'], grant_types: ['authorization_code'],
      response_types: ['code'], id_token_signed_response_alg: 'ES256',
    }],
    scopes: [...new Set(Object.values(resources).join(' ').split(' '))],
    features: {
      dPoP: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true, defaultResource: () => undefined, useGrantedResource: () => true,
        getResourceServerInfo(_, uri) {
          if (!resources[uri]) throw new errors.InvalidTarget();
          return { scope: resources[uri], audience: uri, accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg: 'ES256' } } };
        },
      },
    },
  });
  server.on('request', provider.callback());
  return { issuer, address: issuer.slice('http://'.length) };
}
