// A protected MCP server that calls the next one for the same person. It checks by itself what a guard
// checks before a server, by an independent library, so that each message is seen from both sides.

import { createServer } from 'node:http';
import * as jose from 'jose';
import { now, sha256 } from './party.mjs';
import { exchanged, got, heading, holds, received } from './trace.mjs';

const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
let messages = 4;

export function hop({ party, resource, issuers, scope, next }) {
  const origin = new URL(resource).origin;
  const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
  const used = new Set();
  const keys = new Map();

  createServer(async (request, response) => {
    const send = (status, body, headers = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    };
    if (request.url === new URL(metadata).pathname) {
      send(200, { resource, authorization_servers: issuers, scopes_supported: [scope], dpop_bound_access_tokens_required: true });
      return;
    }
    const challenge = (status, error) => {
      const said = error ? `error="${error}", ` : '';
      send(status, null, { 'www-authenticate': `DPoP ${said}scope="${scope}", algs="ES256", resource_metadata="${metadata}"` });
    };
    let body = '';
    for await (const chunk of request) body += chunk;
    const { id } = JSON.parse(body);
    if (!request.headers.authorization) { challenge(401); return; }
    let access;
    try {
      access = await verify(request.headers);
    } catch (error) {
      challenge(401, 'invalid_token');
      return;
    }
    if (!access.claims.scope.split(' ').includes(scope)) { challenge(403, 'insufficient_scope'); return; }
    received(party.name, access);
    try {
      const text = next ? await onward(access) : 'the archive has it';
      send(200, { jsonrpc: '2.0', id, result: { resultType: 'complete', content: [{ type: 'text', text: `${party.name}: ${text}` }] } });
    } catch (error) {
      send(200, { jsonrpc: '2.0', id, error: { code: -32603, message: `${party.name}: ${error.message}` } });
    }
  }).listen(new URL(resource).port, '127.0.0.1');

  // RFC 9068 §4, RFC 9449 §4.3 and §7.
  async function verify({ authorization, dpop }) {
    const [scheme, token] = authorization.split(' ');
    if (scheme !== 'DPoP') throw new Error('a bound token as Bearer');
    const { iss } = jose.decodeJwt(token);
    if (!issuers.includes(iss)) throw new Error('a stranger');
    if (!keys.has(iss)) {
      const discovered = await (await fetch(`${iss}/.well-known/oauth-authorization-server`)).json();
      keys.set(iss, jose.createRemoteJWKSet(new URL(discovered.jwks_uri)));
    }
    const { payload: claims } = await jose.jwtVerify(token, keys.get(iss), { issuer: iss, typ: 'at+jwt', requiredClaims: ['exp', 'sub', 'cnf'] });
    if (claims.aud !== resource) throw new Error('for another, or for several');
    const proof = await jose.jwtVerify(dpop, jose.EmbeddedJWK, { typ: 'dpop+jwt' });
    const said = proof.payload;
    const jkt = await jose.calculateJwkThumbprint(proof.protectedHeader.jwk);
    if (jkt !== claims.cnf.jkt) throw new Error('a proof by another key');
    if (said.htm !== 'POST' || said.htu !== resource || said.ath !== sha256(token)) throw new Error('a proof for something else');
    if (Math.abs(now() - said.iat) > 60 || used.has(said.jti)) throw new Error('an old proof');
    used.add(said.jti);
    return { token, proof: dpop, claims };
  }

  // The next server: an exchange, and for another domain an assertion that is redeemed there.
  async function onward({ token, proof }) {
    const form = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: token,
      subject_token_type: ACCESS_TOKEN, subject_token_proof: proof, resource: next.resource, scope: next.scope,
    };
    if (next.domain) Object.assign(form, { requested_token_type: ID_JAG, audience: next.domain.sts });
    heading(`${messages}. ${party.name} asks its token service ${next.domain ? 'for an assertion' : 'for a token'}`);
    messages += 1;
    let answer = await party.ask(next.sts, next.client, form);
    if (answer.status !== 200) throw new Error(`refused: ${answer.error} ${answer.code}`);
    exchanged(party.name, form, answer);
    if (next.domain) {
      got(party.name, 'JAG', answer.access_token);
      if (jose.decodeJwt(answer.access_token).cnf?.jkt !== party.jkt) throw new Error('an assertion that lost its binding');
      heading(`${messages}. ${party.name} redeems it in the other domain`);
      messages += 1;
      answer = await party.ask(next.domain.sts, next.domain.client, {
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: answer.access_token, resource: next.resource,
      });
      if (answer.status !== 200) throw new Error(`refused: ${answer.error} ${answer.code}`);
    }
    const name = next.domain ? 'T2' : 'T1';
    got(party.name, name, answer.access_token);
    heading(`${messages}. ${party.name} calls the next`);
    messages += 1;
    const called = await party.call(next.resource, answer.access_token, 'get');
    holds(party.name, name);
    if (called.status !== 200 || called.body.error) throw new Error(called.body?.error?.message ?? called.challenge);
    return `${called.body.result.content[0].text}`;
  }
}
