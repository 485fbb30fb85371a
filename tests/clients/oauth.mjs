// What stands around a token service, by other hands than ours: an authorization server
// (`oidc-provider`), an agent and hops (`jose`), a transmitter of security events.
//
// Reads commands as JSON lines from stdin, answers each with a JSON line. Keys have names.
//   node oauth.mjs '{"resources":{"https://…":"scope scope"}}'

import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import * as jose from '../npm/node_modules/jose/dist/webapi/index.js';
import { Provider, errors } from '../npm/node_modules/oidc-provider/lib/index.js';

// Stdout is for answers.
console.info = console.log = console.error;

const { resources } = JSON.parse(process.argv[2]);
const scopes = [...new Set(Object.values(resources).join(' ').split(' '))];
const keys = new Map();
const b64 = (text) => createHash('sha256').update(text).digest('base64url');
const now = () => Math.floor(Date.now() / 1000);

async function key(name, alg = 'ES256') {
  if (!keys.has(name)) {
    const pair = await jose.generateKeyPair(alg, { extractable: true });
    const jwk = await jose.exportJWK(pair.publicKey);
    const kid = await jose.calculateJwkThumbprint(jwk);
    keys.set(name, { alg, kid, jwk, privateKey: pair.privateKey });
  }
  return keys.get(name);
}

// Everything that nobody may find elsewhere, and everything that was answered but tokens.
const secrets = new Set();
const heard = [];

async function secret(made) {
  const text = await made;
  secrets.add(text);
  return text;
}

async function sign({ by, typ, claims, header = {} }) {
  const { alg, kid, privateKey } = await key(by);
  return secret(new jose.SignJWT(claims).setProtectedHeader({ alg, kid, typ, ...header }).sign(privateKey));
}

async function proof({ by, uri, token, nonce, claims = {}, header = {} }) {
  const { alg, jwk, privateKey } = await key(by);
  const said = { jti: randomUUID(), htm: 'POST', htu: uri, iat: now(), ...claims };
  if (token) said.ath = b64(token);
  if (nonce) said.nonce = nonce;
  return secret(new jose.SignJWT(said).setProtectedHeader({ alg, typ: 'dpop+jwt', jwk, ...header }).sign(privateKey));
}

async function answer(response) {
  const text = await response.text();
  let body = text;
  try { body = JSON.parse(text); } catch { /* not JSON */ }
  const got = { status: response.status, headers: Object.fromEntries(response.headers), body, text };
  if (body.access_token) await secret(body.access_token);
  else heard.push(JSON.stringify(got.headers), text);
  return got;
}

// A form to an endpoint of the service, by a client with its key; with a fresh nonce if it asks for one.
async function ask({ endpoint, issuer, client, by, dpop, form, raw, assertion = {}, headers: more = {} }) {
  let nonce;
  for (;;) {
    const claims = { iss: client, sub: client, aud: issuer, jti: randomUUID(), iat: now(), exp: now() + 60, ...assertion };
    const parameters = new URLSearchParams(raw ?? form);
    if (client) {
      parameters.set('client_id', client);
      parameters.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
      parameters.set('client_assertion', await sign({ by, typ: 'JWT', claims }));
    }
    const headers = { 'content-type': 'application/x-www-form-urlencoded', ...more };
    if (dpop) headers.dpop = await proof({ by: dpop, uri: endpoint, nonce });
    const got = await answer(await fetch(endpoint, { method: 'POST', headers, body: parameters }));
    if (got.body.error !== 'use_dpop_nonce' || nonce) return got;
    nonce = got.headers['dpop-nonce'];
  }
}

// A browser: follows redirects with its cookies, signs in and consents where it is asked to, until it is sent to
// a path `/callback`; gives where that was.
async function browse({ url, person = 'alice', cookie = '' }) {
  const cookies = new Map(cookie ? [cookie.split(/=(.*)/s).slice(0, 2)] : []);
  let form;
  for (let step = 0; step < 12; step += 1) {
    const reached = new URL(url);
    if (reached.pathname === '/callback') return reached;
    const header = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      method: form ? 'POST' : 'GET', redirect: 'manual', body: form, headers: { cookie: header },
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value) cookies.set(name, value); else cookies.delete(name);
    }
    const location = response.headers.get('location');
    if (location) {
      form = undefined;
      url = new URL(location, url).href;
      continue;
    }
    const page = await response.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    if (!prompt) throw Object.assign(new Error(`no way on from ${url}: ${page.slice(0, 400)}`), { status: response.status });
    form = new URLSearchParams({ prompt, login: person, password: 'x' });
  }
  throw new Error('the login does not end');
}

// A token from the authorization server for a person who signs in and consents: code, PKCE, DPoP.
async function login({ person, resource, scope, dpop, verifier: shown, again }) {
  const verifier = randomUUID() + randomUUID();
  const start = new URL(`${issuer}/auth`);
  start.search = new URLSearchParams({
    client_id: 'agent', response_type: 'code', redirect_uri: 'http://127.0.0.1/callback', scope, resource,
    code_challenge: b64(verifier), code_challenge_method: 'S256', state: 's', prompt: 'login consent',
  });
  const reached = await browse({ url: start.href, person });
  const code = reached.searchParams.get('code');
  if (!code) throw new Error(reached.href);
  const form = {
    grant_type: 'authorization_code', code, code_verifier: shown ?? verifier, resource,
    redirect_uri: 'http://127.0.0.1/callback',
  };
  const asked = { endpoint: `${issuer}/token`, client: 'agent', dpop, form };
  const got = await token(asked);
  return { ...(again ? await token(asked) : got), said: Object.fromEntries(reached.searchParams) };
}

// A token from any authorization server: a form, by a client with its secret or without one.
async function token({ endpoint, client, secret, dpop, form, proof: given }) {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = new URLSearchParams(form);
  if (secret) headers.authorization = `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`;
  else body.set('client_id', client);
  if (given ?? dpop) headers.dpop = given ?? (await proof({ by: dpop, uri: endpoint }));
  return answer(await fetch(endpoint, { method: 'POST', headers, body }));
}

// The same for a person who has signed in (the cookie) and consented: code, PKCE. `wrong` changes the
// authorization request, `verifier` what is shown for the code, `again` whether the code is shown twice.
async function code({ authorization, endpoint, cookie = '', client, resource, scope, dpop, wrong = {}, verifier, again }) {
  const real = randomUUID() + randomUUID();
  const start = new URL(authorization);
  start.search = new URLSearchParams({
    client_id: client, response_type: 'code', redirect_uri: 'http://127.0.0.1/callback', scope, resource, state: 's',
    code_challenge: b64(real), code_challenge_method: 'S256', ...wrong,
  });
  for (const [name, value] of Object.entries(wrong)) if (value === null) start.searchParams.delete(name);
  const response = await fetch(start, { redirect: 'manual', headers: { cookie } });
  const location = response.headers.get('location');
  const reached = location && new URL(location, start);
  const said = reached && Object.fromEntries(reached.searchParams);
  if (!said?.code) return { status: response.status, location, said, body: {} };
  const form = {
    grant_type: 'authorization_code', code: said.code, code_verifier: verifier ?? real, resource,
    redirect_uri: 'http://127.0.0.1/callback',
  };
  const got = await token({ endpoint, client, dpop, form });
  return { ...(again ? await token({ endpoint, client, dpop, form }) : got), said };
}

// An independent reader of a token: verified by what the service publishes, nothing else.
async function verify({ token, jwks, issuer: iss, audience }) {
  const set = jose.createRemoteJWKSet(new URL(jwks));
  const { payload, protectedHeader } = await jose.jwtVerify(token, set, {
    issuer: iss, audience, typ: 'at+jwt', requiredClaims: ['exp', 'iat', 'jti'],
  });
  return { payload, header: protectedHeader };
}

// Events that wait to be polled (RFC 8936).
const waiting = new Map();
const acknowledged = [];
// What stands at a path under /published, and how often it was asked for.
const published = new Map();
const asked = new Map();

const commands = {
  key: async ({ name, alg }) => ({ jwk: { ...(await key(name, alg)).jwk, kid: (await key(name)).kid, alg: (await key(name)).alg, use: 'sig' } }),
  sign: async (command) => ({ token: await sign(command) }),
  proof: async (command) => ({ proof: await proof(command) }),
  ask, login, verify, token, code,
  browse: async (command) => {
    try {
      const url = await browse(command);
      // Who waits there may not listen yet, and may be gone before it has answered.
      for (let tries = 0; tries < 100; tries += 1) {
        const code = await fetch(url).then(() => '', (error) => error.cause?.code);
        if (code !== 'ECONNREFUSED') break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return { reached: url.origin + url.pathname };
    } catch (error) {
      if (!error.status) throw error;
      return { stuck: error.status };
    }
  },
  push: async ({ endpoint, set }) => answer(await fetch(endpoint, {
    method: 'POST', headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json' }, body: set,
  })),
  fetch: async ({ url, ...init }) => answer(await fetch(url, init)),
  wait: async ({ jti, set }) => { waiting.set(jti, set); return {}; },
  kept: async () => ({ secrets: [...secrets], heard }),
  acknowledged: async () => ({ acknowledged }),
  publish: async ({ path, status = 200, headers = {}, body }) => { published.set(path, { status, headers, body }); return { asked: asked.get(path) ?? 0 }; },
};

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const own = await jose.generateKeyPair('ES256', { extractable: true });
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...(await jose.exportJWK(own.privateKey)), alg: 'ES256', use: 'sig', kid: 'as-1' }] },
  clients: [{
    client_id: 'agent', token_endpoint_auth_method: 'none', application_type: 'native',
    redirect_uris: ['http://127.0.0.1/callback', 'http://127.0.0.1:39411/callback'], grant_types: ['authorization_code'],
    response_types: ['code'], id_token_signed_response_alg: 'ES256',
  }, {
    // As `auth doctor` is given one.
    client_id: 'doctor', client_secret: 'canary-client-secret-0123456789', redirect_uris: [],
    scope: scopes.filter((name) => name !== 'files:all').join(' '),
    grant_types: ['client_credentials'], response_types: [], id_token_signed_response_alg: 'ES256',
  }],
  scopes,
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    dPoP: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true, defaultResource: () => undefined, useGrantedResource: () => true,
      getResourceServerInfo(ctx, uri) {
        if (!resources[uri]) throw new errors.InvalidTarget();
        const accessTokenFormat = uri.endsWith('/opaque') ? 'opaque' : 'jwt';
        return { scope: resources[uri], audience: uri, accessTokenFormat, accessTokenTTL: 300, jwt: { sign: { alg: 'ES256' } } };
      },
    },
  },
});
// Who asks for no scope is asked to consent to all (RFC 6749 §3.3: a default of the server's).
provider.use((ctx, next) => {
  if (ctx.path === '/auth' && ctx.method === 'GET' && !ctx.query.scope) ctx.query = { ...ctx.query, scope: scopes.join(' ') };
  return next();
});
const serve = provider.callback();
server.on('request', async (request, response) => {
  if (request.url.startsWith('/published/')) {
    asked.set(request.url, (asked.get(request.url) ?? 0) + 1);
    const { status, headers, body } = published.get(request.url) ?? { status: 404, headers: {}, body: '' };
    return response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  }
  if (request.url !== '/poll') return serve(request, response);
  let body = '';
  for await (const chunk of request) body += chunk;
  const asks = JSON.parse(body);
  if (request.headers.authorization !== 'Bearer poll-token') return response.writeHead(401).end();
  for (const jti of asks.ack ?? []) {
    waiting.delete(jti);
    acknowledged.push(jti);
  }
  for (const jti of Object.keys(asks.setErrs ?? {})) {
    waiting.delete(jti);
    acknowledged.push(`refused ${jti}`);
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ sets: Object.fromEntries(waiting), moreAvailable: false }));
});

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
say({ issuer, jwks: `${issuer}/jwks`, address: issuer.slice('http://'.length) });
for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...command } = JSON.parse(line);
  try {
    say(await commands[name](command));
  } catch (error) {
    say({ failed: `${name}: ${error.stack}` });
  }
}
process.exit(0);
