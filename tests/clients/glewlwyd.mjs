// Debian's `glewlwyd` on a port of its own with a database of its own, as its documentation has it: code with
// PKCE required, client credentials, DPoP, declared resources. Its first line says who it is; ends with us.
//   node glewlwyd.mjs DIRECTORY '{"https://…":"scope scope"}'

import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync } from 'node:zlib';

const [directory, resources] = [process.argv[2], JSON.parse(process.argv[3])];
const SECRET = 'canary-client-secret-0123456789';
const LIBRARY = '/usr/lib/glewlwyd';

const probe = createServer();
const port = await new Promise((resolve) => probe.listen(0, '127.0.0.1', () => resolve(probe.address().port)));
await new Promise((resolve) => probe.close(resolve));
const origin = `http://127.0.0.1:${port}`;
const issuer = `${origin}/api/mcp`;

const packed = readFileSync('/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3');
const schema = packed[0] === 0x1f ? gunzipSync(packed) : packed;
const database = new DatabaseSync(`${directory}/glewlwyd.db`);
database.exec(schema.toString());
database.close();

const modules = { user: 'user', user_middleware: 'user_middleware', client: 'client', user_auth_scheme: 'scheme', plugin: 'plugin' };
writeFileSync(`${directory}/glewlwyd.conf`, [
  `port=${port}`, 'bind_address="127.0.0.1"', `external_url="${origin}"`, 'login_url="login.html"',
  'api_prefix="api"', 'log_mode="console"', 'log_level="WARNING"', 'cookie_domain="127.0.0.1"', 'cookie_secure=0',
  'hash_algorithm="SHA512"', `database = { type="sqlite3"; path="${directory}/glewlwyd.db"; };`,
  ...Object.entries(modules).map(([name, folder]) => `${name}_module_path="${LIBRARY}/${folder}"`), '',
].join('\n'));
const child = spawn('glewlwyd', [`--config-file=${directory}/glewlwyd.conf`], { stdio: ['ignore', 2, 2] });
child.on('exit', (code) => process.exit(code ?? 1));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill('SIGKILL'));
// Whoever started us is gone.
createReadStream('', { fd: 0 }).on('data', () => undefined).on('end', () => child.kill('SIGKILL')).on('error', () => child.kill('SIGKILL'));

let cookie = '';
async function api(method, path, body) {
  const response = await fetch(`${origin}/api/${path}`, {
    method, headers: { 'content-type': 'application/json', cookie }, body: body && JSON.stringify(body),
  });
  const set = response.headers.getSetCookie().map((line) => line.split(';')[0]);
  if (set.length) cookie = set.join('; ');
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

for (let tries = 0; ; tries += 1) {
  try {
    await api('POST', 'auth', { username: 'admin', password: 'password' });
    break;
  } catch (error) {
    if (tries > 200) throw error;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const scopes = [...new Set(Object.values(resources).join(' ').split(' '))];
const pair = generateKeyPairSync('ec', {
  namedCurve: 'P-256', publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const of = (scope) => Object.entries(resources).filter(([, named]) => named.split(' ').includes(scope)).map(([uri]) => uri);
for (const name of scopes) {
  await api('POST', 'scope', { name, display_name: name, description: name, password_required: false, scheme: {} });
}
await api('POST', 'mod/plugin', {
  module: 'oidc', name: 'mcp', display_name: 'mcp', order_rank: 0,
  parameters: {
    iss: issuer, 'jwt-type': 'ecdsa', 'jwt-key-size': '256', key: pair.privateKey, cert: pair.publicKey, 'jwks-show': true,
    'allow-non-oidc': true, 'access-token-duration': 300, 'refresh-token-duration': 3600, 'code-duration': 60,
    'refresh-token-rolling': true, 'auth-type-code-enabled': true, 'auth-type-client-enabled': true,
    'auth-type-refresh-enabled': true, 'auth-type-id-token-enabled': true, 'pkce-allowed': true, 'pkce-required': true,
    'introspection-revocation-allowed': false, 'resource-allowed': true,
    'resource-scope': Object.fromEntries(scopes.map((scope) => [scope, of(scope)])),
    'oauth-dpop-allowed': true, 'oauth-dpop-iat-duration': 300,
  },
});
const client = (client_id, more) => api('POST', 'client', {
  client_id, name: client_id, enabled: true, redirect_uri: ['http://127.0.0.1/callback', 'http://127.0.0.1:39411/callback'], ...more,
});
await client('agent', { confidential: false, authorization_type: ['code'], scope: [] });
for (const name of ['doctor', 'hop1', 'hop2']) {
  await client(name, {
    confidential: true, client_secret: SECRET, token_endpoint_auth_method: ['client_secret_basic'],
    authorization_type: ['client_credentials'], scope: scopes.filter((name) => name !== 'files:all'),
  });
}
// A person who signed in, and consented to the agent.
await api('POST', 'user', { username: 'alice', name: 'Alice', password: 'password', enabled: true, scope: scopes });
await api('POST', 'auth', { username: 'alice', password: 'password' });
await api('PUT', 'auth/grant/agent', { scope: scopes.join(' ') });
console.log(JSON.stringify({ issuer, cookie }));
