// Recomputes the vectors without any code of Countersign: every canonical form and digest with
// another implementation of RFC 8785, the log and its map with a second implementation of theirs, policies
// with another build of Cedar.
//
// `node check.mjs sign` makes the signatures of type 6 in log.json anew.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import canonicalize from "canonicalize";
import { checkEnvelopes } from "./envelope.mjs";
import { checkLog, checkMap, resign } from "./log.mjs";
import { checkPolicies } from "./policy.mjs";

const failures = [];
let checks = 0;

function expect(what, found, wanted) {
  checks += 1;
  if (found !== wanted) failures.push(`${what}: ${found} instead of ${wanted}`);
}

function read(name) {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
}

function sha256(text, encoding = "hex") {
  return createHash("sha256").update(text, "utf8").digest(encoding);
}

function digest(value) {
  return `sha256:${sha256(canonicalize(value))}`;
}

function checkCanonical() {
  const { accepted } = read("canonical.json");
  for (const { input, canonical, digest: wanted } of accepted) {
    const form = canonicalize(JSON.parse(input));
    expect(input, form, canonical);
    expect(input, `sha256:${sha256(form)}`, wanted);
  }
}

function checkSemantic() {
  for (const { step, same, different } of read("semantic.json")) {
    for (const { tool, form, digests } of [...same, ...different]) {
      expect(step, digest(tool), digests.exact);
      expect(step, digest(form), digests.semantic);
    }
    const [{ digests: first }] = same;
    for (const { digests } of same) expect(step, digests.semantic, first.semantic);
    for (const { digests } of different) {
      expect(step, digests.semantic !== first.semantic, true);
    }
  }
}

function checkSurfaces() {
  for (const { printed, mtl1 } of read("surface.json")) {
    const { era, items, digests } = printed;
    for (const which of ["exact", "semantic"]) {
      const entries = Object.entries(items).map(([place, item]) => [place, item.digests[which]]);
      expect(which, digest({ era, items: Object.fromEntries(entries) }), digests[which]);
    }
    for (const [place, item] of Object.entries(items)) {
      expect(place, digest(item.value), item.digests.exact);
      for (const [pointer, wanted] of Object.entries(item.fields)) {
        const name = pointer.slice(1).replaceAll("~1", "/").replaceAll("~0", "~");
        expect(place + pointer, digest(pointer === "" ? item.value : item.value[name]), wanted);
      }
    }
    expect("mtl1", mtl1Digest(items), mtl1);
  }
}

function mtl1Digest(items) {
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const tools = Object.entries(items).filter(([place]) => place.startsWith("tools/"));
  const entries = tools.map(([, { value }]) => ({
    name: value.name,
    description: typeof value.description === "string" ? value.description : "",
    inputSchema: isObject(value.inputSchema) ? value.inputSchema : {},
    ...(isObject(value.outputSchema) ? { outputSchema: value.outputSchema } : {}),
  }));
  // Strings compare by UTF-16 code unit here, as MTL/1 wants.
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const hasFraction = /[^0-9"\\a-zA-Z][0-9]+\.[0-9]/.test(canonicalize(entries));
  return entries.length === 0 || hasFraction ? null : digest(entries);
}

function sign() {
  const vectors = read("log.json");
  for (const checkpoint of vectors.checkpoints) checkpoint.note = resign(checkpoint.note, vectors.keys);
  writeFileSync(new URL("log.json", import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`);
}

if (process.argv[2] === "sign") {
  sign();
  process.exit();
}
checkCanonical();
checkSemantic();
checkSurfaces();
checkLog(read("log.json"), expect);
checkMap(read("map.json"), expect);
checkEnvelopes(read("envelope.json"), expect);
checkPolicies(read("policy.json"), expect);
for (const failure of failures) console.error(failure);
console.log(`${checks - failures.length} of ${checks} checks hold`);
process.exitCode = failures.length === 0 ? 0 : 1;
