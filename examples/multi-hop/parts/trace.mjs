// What is printed: tokens by name, never in full.

import * as jose from 'jose';

const names = new Map();
const tokens = new Map();
const held = new Map();

export const say = (text) => process.stdout.write(`${text}\n`);
export const heading = (text) => say(`\n${text}`);

export function named(more) {
  for (const [uri, name] of Object.entries(more)) names.set(uri, name);
}

const short = (value) => names.get(value) ?? value;

export function got(party, name, token) {
  tokens.set(token, name);
  holds(party, name);
  const { header, claims } = { header: jose.decodeProtectedHeader(token), claims: jose.decodeJwt(token) };
  const chain = [];
  for (let act = claims.act; act; act = act.act) chain.push(`${act.sub}@${short(act.iss)}`);
  const sub = claims.sub.length > 20 ? `${claims.sub.slice(0, 8)}… (pairwise)` : claims.sub;
  say(`  ${party} holds ${name}  (${header.typ})`);
  say(`    iss ${short(claims.iss)}   sub ${sub}   aud ${short(claims.aud)}   client_id ${claims.client_id}`);
  say(`    scope ${claims.scope}   cnf ${claims.cnf?.jkt.slice(0, 8)}…   lives ${claims.exp - claims.iat} s`);
  if (chain.length) say(`    act ${chain.join(' <- ')}`);
  if (claims.txn) say(`    txn ${claims.txn.slice(0, 8)}…${claims.pth ? `   pth ${claims.pth.slice(0, 8)}…` : ''}`);
}

export function received(party, { token, claims }) {
  const name = tokens.get(token);
  say(`  ${party} receives ${name} for ${short(claims.sub).slice(0, 8)} with a proof by ${claims.cnf.jkt.slice(0, 8)}…: audience, key, time, scope hold`);
  holds(party, `${name} (received)`);
}

export function exchanged(party, form, answer) {
  say(`  ${party} shows ${tokens.get(form.subject_token)}, the proof that came with it, its own proof; asks for ${form.scope} at ${short(form.resource)}`);
  say(`  the answer: ${answer.issued_token_type.split(':').pop()}, token_type ${answer.token_type}, scope ${answer.scope}`);
}

export function holds(party, name) {
  if (!held.has(party)) held.set(party, new Set());
  held.get(party).add(name);
}

export function holdings() {
  for (const [party, names] of held) say(`  ${party.padEnd(8)} ${[...names].join(', ')}`);
  for (const [token, name] of tokens) {
    const { aud, sub } = jose.decodeJwt(token);
    if (typeof aud !== 'string') throw new Error(`${name} has several audiences`);
    if (['JAG', 'T2'].includes(name) && sub.includes('alice')) throw new Error(`${name} names Alice as her domain does`);
  }
  say('  Each token has one audience; what left the domain has another name of Alice.');
}

export function record(name, one) {
  const what = one.code ?? `granted ${one.granted.join(' ')}`;
  say(`  ${name}  ${short(one.hop ?? one.actor)} -> ${short(one.aud)}  ${what}  by ${one.policies.join(', ') || '-'}  after ${one.checks.join(' ')}`);
}

// Each has to be refused. Says whether all were.
export async function attack({ called, parties, resources, stsA }) {
  const { agent, hop1, hop2 } = parties;
  const form = (token, proof, to, scope) => ({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: token, resource: to, scope,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', ...(proof ? { subject_token_proof: proof } : {}),
  });
  const fresh = () => agent.proof(resources[0], { token: called.token });
  const tries = [
    ['hop 2 exchanges T0, which is not for it', REFUSED, async () => hop2.ask(stsA, 'hop2', form(called.token, await fresh(), resources[2], 'archive:read'))],
    ['hop 1 exchanges T0 without a proof', REFUSED, () => hop1.ask(stsA, 'hop1', form(called.token, undefined, resources[1], 'doc:get'))],
    ['hop 1 exchanges T0 with the proof of the call before', REFUSED, () => hop1.ask(stsA, 'hop1', form(called.token, called.proof, resources[1], 'doc:get'))],
    ['hop 1 asks for more than its edge gives', 'authz.exchange.authority-exceeded', async () => hop1.ask(stsA, 'hop1', form(called.token, await fresh(), resources[1], 'doc:put'))],
    ['hop 1 asks for a server without an edge', 'authz.exchange.edge-missing', async () => hop1.ask(stsA, 'hop1', form(called.token, await fresh(), resources[2], 'archive:read'))],
    ['the agent takes T0 to hop 2', 'invalid_token', () => agent.call(resources[1], called.token, 'get')],
    ['hop 2 takes T0 to hop 1, with its own key', 'invalid_token', () => hop2.call(resources[0], called.token, 'read')],
  ];
  let all = true;
  const attempt = async (what, wanted, { status, code, error, challenge }) => {
    const said = code ?? error ?? /error="(\w+)"/.exec(challenge ?? '')?.[1] ?? '';
    const is = status >= 400 && said === wanted;
    all &&= is;
    say(`  ${is ? 'refused' : `NOT REFUSED with ${wanted}`}  ${what}: ${status} ${said}`);
  };
  for (const [what, wanted, ask] of tries) await attempt(what, wanted, await ask());
  const { status } = await hop1.ask(stsA, 'hop1', { token: called.token }, 'revoke');
  all &&= status === 200;
  const after = form(called.token, await fresh(), resources[1], 'doc:get');
  await attempt('hop 1 exchanges T0 after it was revoked', REFUSED, await hop1.ask(stsA, 'hop1', after));
  return all;
}

// Which of the checks on a subject token it was is told to nobody.
const REFUSED = 'authz.exchange.subject-refused';
