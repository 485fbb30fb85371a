// Alice asks an agent; it calls hop 1, which calls hop 2, which calls hop 3 in another domain. Then
// everything that somebody with a stolen token could try.

import { authorizationServer } from './parts/as.mjs';
import { agent } from './parts/agent.mjs';
import { hop } from './parts/hop.mjs';
import { Party, freePort } from './parts/party.mjs';
import { decisions, domainA, domainB, stop } from './parts/domains.mjs';
import { attack, heading, holdings, named, record, say } from './parts/trace.mjs';

const ports = await Promise.all(Array.from({ length: 5 }, freePort));
const [hop1, hop2, hop3, stsA, stsB] = ports.map((port) => `http://127.0.0.1:${port}`);
const resources = [hop1, hop2, hop3].map((origin) => `${origin}/mcp`);
const as = await authorizationServer({ [resources[0]]: 'files:read files:write' });
named({ [as.issuer]: 'as.a', [stsA]: 'sts.a', [stsB]: 'sts.b', [resources[0]]: 'hop 1', [resources[1]]: 'hop 2', [resources[2]]: 'hop 3' });

let failed = false;
try {
  heading('Who is there');
  say(`domain A   as.a ${as.issuer}   sts.a ${stsA}`);
  say(`           hop 1 ${resources[0]}   hop 2 ${resources[1]}`);
  say(`domain B   sts.b ${stsB}   hop 3 ${resources[2]}`);
  const parties = { agent: await Party.make('agent'), hop1: await Party.make('hop 1'), hop2: await Party.make('hop 2') };
  await domainA({ issuer: stsA, other: stsB, as, resources, parties });
  await domainB({ issuer: stsB, other: stsA, resources, parties });

  hop({
    party: parties.hop1, resource: resources[0], issuers: [as.issuer], scope: 'files:read',
    next: { sts: stsA, client: 'hop1', resource: resources[1], scope: 'doc:get' },
  });
  hop({
    party: parties.hop2, resource: resources[1], issuers: [stsA], scope: 'doc:get',
    next: { sts: stsA, client: 'hop2', resource: resources[2], scope: 'archive:read', domain: { sts: stsB, client: 'hop2-at-b' } },
  });
  hop({ party: await Party.make('hop 3'), resource: resources[2], issuers: [stsB], scope: 'archive:read' });

  const called = await agent({ party: parties.agent, as, resource: resources[0], person: 'alice' });
  heading('Who held what');
  holdings();
  heading('What the token services recorded');
  for (const [name, issuer] of [['sts.a', stsA], ['sts.b', stsB]]) {
    for (const one of await decisions(issuer)) record(name, one);
  }
  heading('What a thief could try');
  failed = !(await attack({ called, parties, resources, stsA }));
} catch (error) {
  failed = true;
  say(`failed: ${error.stack}`);
} finally {
  await stop();
}
process.exit(failed ? 1 : 0);
