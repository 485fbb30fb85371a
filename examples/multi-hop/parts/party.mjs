// Whoever holds a key: proofs (RFC 9449), client assertions (RFC 7523), forms to a token endpoint.

import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import * as jose from 'jose';

export const sha256 = (text) => createHash('sha256').update(text).digest('base64url');
export const now = () => Math.floor(Date.now() / 1000);

export class Party {
  static async make(name) {
    const { publicKey, privateKey } = await jose.generateKeyPair('ES256', { extractable: true });
    const jwk = await jose.exportJWK(publicKey);
    const party = new Party();
    Object.assign(party, { name, jwk, privateKey, jkt: await jose.calculateJwkThumbprint(jwk) });
    return party;
  }

  jwks() {
    return { keys: [{ ...this.jwk, kid: this.jkt, alg: 'ES256', use: 'sig' }] };
  }

  // A proof that this party's key is there for one request.
  proof(uri, { token, nonce } = {}) {
    const claims = { jti: randomUUID(), htm: 'POST', htu: uri, iat: now() };
    if (token) claims.ath = sha256(token);
    if (nonce) claims.nonce = nonce;
    return new jose.SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: this.jwk }).sign(this.privateKey);
  }

  // A form to a token endpoint, authenticated by this party's key; with a nonce if the service wants one.
  async ask(issuer, client, form, path = 'token') {
    const endpoint = `${issuer}/${path}`;
    let nonce;
    for (;;) {
      const claims = { iss: client, sub: client, aud: issuer, jti: randomUUID(), iat: now(), exp: now() + 60 };
      const body = new URLSearchParams({
        ...form, client_id: client,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await new jose.SignJWT(claims)
          .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: this.jkt }).sign(this.privateKey),
      });
      const headers = {
        'content-type': 'application/x-www-form-urlencoded', dpop: await this.proof(endpoint, { nonce }),
      };
      const response = await fetch(endpoint, { method: 'POST', headers, body });
      const text = await response.text();
      const answer = text ? JSON.parse(text) : {};
      if (answer.error !== 'use_dpop_nonce' || nonce) return { status: response.status, ...answer };
      nonce = response.headers.get('dpop-nonce');
    }
  }

  // A call of a tool (MCP 2026-07-28), with a token.
  async call(resource, token, tool, meta) {
    const proof = await this.proof(resource, { token });
    return { proof, ...(await post(resource, { authorization: `DPoP ${token}`, dpop: proof }, tool, meta)) };
  }
}

export async function post(resource, credentials, tool, meta = {}) {
  const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'example', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {}, ...meta };
  const response = await fetch(resource, {
    method: 'POST',
    headers: {
      'content-type': 'application/json', accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': tool, ...credentials,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: {}, _meta } }),
  });
  const text = await response.text();
  return { status: response.status, challenge: response.headers.get('www-authenticate'), body: text ? JSON.parse(text) : null };
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
