// Two token services, each the real binary with a configuration of its own.

import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const binary = process.env.COUNTERSIGN_BIN;
const running = new Map();

export async function domainA({ issuer, other, as, resources, parties }) {
  const [hop1, hop2, hop3] = resources;
  const folder = init(issuer);
  write(folder, 'edges.json', {
    version: 1,
    servers: [
      { resource: hop1, client: 'hop1', scopes: ['files:read', 'files:write'] },
      { resource: hop2, client: 'hop2', scopes: ['doc:get', 'doc:put'] },
      { resource: hop3, scopes: ['archive:read'] },
    ],
    edges: [
      { from: hop1, client: 'hop1', to: hop2, scopes: { 'files:read': ['doc:get'], 'files:write': ['doc:get', 'doc:put'] } },
      { from: hop2, client: 'hop2', to: hop3, scopes: { 'doc:get': ['archive:read'] }, via: 'id-jag', profile: 'b' },
    ],
  });
  write(folder, 'hop1.jwks.json', parties.hop1.jwks());
  write(folder, 'hop2.jwks.json', parties.hop2.jwks());
  writeFileSync(join(folder, 'b.key'), `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  configure(folder, `exceptions = ["${as.address}"]`, `
[[trusted]]
issuer = "${as.issuer}"
jwks_url = "${as.issuer}/jwks"
[[client]]
id = "hop1"
jwks = "hop1.jwks.json"
[[client]]
id = "hop2"
jwks = "hop2.jwks.json"
[[domain]]
issuer = "${other}"
resources = ["${hop3}"]
pairwise_key = "b.key"
clients = { hop2 = "hop2-at-b" }
`);
  await start(issuer, folder);
}

export async function domainB({ issuer, other, resources, parties }) {
  const folder = init(issuer);
  write(folder, 'edges.json', { version: 1, servers: [{ resource: resources[2], scopes: ['archive:read'] }], edges: [] });
  write(folder, 'hop2.jwks.json', parties.hop2.jwks());
  configure(folder, `exceptions = ["${other.slice('http://'.length)}"]`, `
[[client]]
id = "hop2-at-b"
jwks = "hop2.jwks.json"
[[accept]]
issuer = "${other}"
jwks_url = "${other}/jwks"
resources = ["${resources[2]}"]
`);
  await start(issuer, folder);
}

// One record for each decision.
export function decisions(issuer) {
  const text = readFileSync(join(running.get(issuer).folder, 'decisions.jsonl'), 'utf8');
  return text.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

export async function stop() {
  for (const { child, folder } of running.values()) {
    child.kill();
    await new Promise((resolve) => child.once('exit', resolve));
    rmSync(folder, { recursive: true });
  }
}

function init(issuer) {
  const folder = mkdtempSync(join(tmpdir(), 'multi-hop-'));
  const made = spawnSync(binary, ['sts', '--init', '--issuer', issuer, '--config', join(folder, 'sts.toml')], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  return folder;
}

function write(folder, name, value) {
  writeFileSync(join(folder, name), JSON.stringify(value));
}

function configure(folder, first, more) {
  const path = join(folder, 'sts.toml');
  writeFileSync(path, `${first}\n${readFileSync(path, 'utf8')}`);
  appendFileSync(path, more);
}

function start(issuer, folder) {
  const child = spawn(binary, ['sts', '--config', join(folder, 'sts.toml'), '--listen', issuer.slice('http://'.length)], { stdio: ['ignore', 'ignore', 'pipe'] });
  running.set(issuer, { child, folder });
  let said = '';
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the token service ended: ${said}`)));
    child.stderr.on('data', (chunk) => {
      said += chunk;
      // It serves, and has the keys of those whom it trusts.
      if (said.includes('serving ') && said.includes('keys changed')) resolve();
    });
  });
}
