// The agent: finds out what hop 1 needs, has Alice sign in, calls.

import { randomUUID } from 'node:crypto';
import { post, sha256 } from './party.mjs';
import { got, heading, holds, say } from './trace.mjs';

export async function agent({ party, as, resource, person }) {
  heading('1. The agent calls hop 1 without a token');
  const refused = await post(resource, {}, 'read');
  say(`hop 1 answers ${refused.status}: ${refused.challenge}`);
  const place = /resource_metadata="([^"]+)"/.exec(refused.challenge)[1];
  const metadata = await (await fetch(place)).json();
  if (metadata.resource !== resource) throw new Error('metadata about another resource (RFC 9728 §3.3)');
  const scope = /scope="([^"]+)"/.exec(refused.challenge)[1];

  heading('2. Alice signs in; the agent gets T0');
  const token = await login({ party, issuer: metadata.authorization_servers[0], resource, scope, person });
  got(party.name, 'T0', token);

  heading('3. The agent calls hop 1');
  const called = await party.call(resource, token, 'read');
  if (called.status !== 200) throw new Error(`hop 1 answers ${called.status} ${JSON.stringify(called.body)}`);
  say('');
  say(`the agent hears: ${called.body.result.content[0].text}`);
  holds(party.name, 'T0');
  return { token, proof: called.proof };
}

// Authorization code with PKCE, the resource in both requests, DPoP (RFC 9449 §5).
async function login({ party, issuer, resource, scope, person }) {
  const cookies = new Map();
  const verifier = randomUUID() + randomUUID();
  const start = new URL(`${issuer}/auth`);
  start.search = new URLSearchParams({
    client_id: 'agent', response_type: 'code', redirect_uri: 'http://127.0.0.1/callback', scope, resource,
    code_challenge: sha256(verifier), code_challenge_method: 'S256', state: randomUUID(), prompt: 'login consent',
  });
  let [url, form] = [start.href, undefined];
  for (let step = 0; step < 12; step += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { method: form ? 'POST' : 'GET', redirect: 'manual', body: form, headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value) cookies.set(name, value); else cookies.delete(name);
    }
    const location = response.headers.get('location');
    if (!location) {
      const prompt = /name="prompt" value="(\w+)"/.exec(await response.text())?.[1];
      form = new URLSearchParams({ prompt, login: person, password: 'x' });
      continue;
    }
    form = undefined;
    url = new URL(location, url).href;
    if (new URL(url).pathname === '/callback') {
      const code = new URL(url).searchParams.get('code');
      const endpoint = `${issuer}/token`;
      const answer = await fetch(endpoint, {
        method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', dpop: await party.proof(endpoint) },
        body: new URLSearchParams({
          grant_type: 'authorization_code', client_id: 'agent', code, code_verifier: verifier, resource,
          redirect_uri: 'http://127.0.0.1/callback',
        }),
      });
      return (await answer.json()).access_token;
    }
  }
  throw new Error('the login does not end');
}
