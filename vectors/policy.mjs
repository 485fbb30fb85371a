// Decides the cases of policy.json again with another build of Cedar, over entities that are made here
// from the names that the schema documents.

import { readFileSync } from "node:fs";
import { isAuthorized, policySetTextToParts, policyToJson } from "@cedar-policy/cedar-wasm/nodejs";

const schema = readFileSync(
  new URL("../crates/policy/policies/countersign.cedarschema", import.meta.url),
  "utf8",
);

const entity = (type, id) => ({ __entity: { type, id } });

function entities({ servers, edges }) {
  const made = [];
  for (const { resource, audience, scopes, tools } of servers) {
    const uid = { type: "Server", id: resource };
    made.push({ uid, attrs: { audience, scopes }, parents: [] });
    for (const [tool, needs] of Object.entries(tools)) {
      made.push({
        uid: { type: "Tool", id: `${resource}#${tool}` },
        attrs: { server: { __entity: uid }, scopes: needs },
        parents: [uid],
      });
    }
  }
  for (const { from, to, client, ...rest } of edges) {
    made.push({
      uid: { type: "Edge", id: `${from} -> ${to}` },
      attrs: { from: entity("Server", from), to: entity("Server", to), client: entity("Agent", client), ...rest },
      parents: [],
    });
  }
  return made;
}

function named(text) {
  const parts = policySetTextToParts(text);
  return Object.fromEntries(parts.policies.map((one) => [policyToJson(one).json.annotations.id, one]));
}

export function checkPolicies({ sets, world, cases }, expect) {
  const made = entities(world);
  const policies = Object.fromEntries(Object.entries(sets).map(([name, text]) => [name, named(text)]));
  for (const [at, { set, request, allowed, policies: by }] of cases.entries()) {
    const { subject, action, resource, context } = request;
    const answer = isAuthorized({
      principal: { type: subject.type, id: subject.id },
      action: { type: "Action", id: action.name },
      resource: { type: resource.type, id: resource.id },
      context: {
        ...context,
        agent: entity("Agent", context.agent),
        chain: context.chain.map((id) => entity("Agent", id)),
        issuer: subject.id.split("#")[0],
        item: resource.type === "Edge" ? "" : resource.id.slice(resource.id.indexOf("#") + 1),
      },
      schema,
      validateRequest: true,
      policies: { staticPolicies: policies[set] },
      entities: made,
    });
    expect(`case ${at} is answered`, answer.type, "success");
    const { decision, diagnostics } = answer.response;
    const errors = diagnostics.errors.map((error) => error.policyId).sort();
    expect(`case ${at}`, decision === "allow" && errors.length === 0, allowed);
    const determining = errors.length > 0 ? errors : [...diagnostics.reason].sort();
    expect(`policies of case ${at}`, determining.join(), by.join());
  }
}
