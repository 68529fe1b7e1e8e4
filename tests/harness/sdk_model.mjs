// SPDX-License-Identifier: Apache-2.0
// Prints the service model that a package @aws-sdk/client-* carries, as JSON: node sdk_model.mjs DIRECTORY
// {"operations": {NAME: {"input": SHAPE, "output": SHAPE}}, "shapes": {NAME: {MEMBER: {type, item, shape, required, enum}}},
//  "errors": {NAME: HTTP status}}
// Members and types are in dist-es/schemas (tuples; 3 is a structure, 1 a list, 2 a map, 9 an operation, -3 an error), names
// of enums only in the type declarations.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const root = process.argv[2];
const scalars = { 0: "string", 1: "integer", 2: "boolean", 4: "timestamp", 15: "document", 17: "integer", 19: "integer", 21: "blob", 42: "blob" };

const source = readFileSync(join(root, "dist-es/schemas/schemas_0.js"), "utf8")
  .replace(/^import .*$/gm, "").replace(/^const \w+_registry = .*$/gm, "").replace(/^\w+_registry\.registerError.*$/gm, "")
  .replace(/^export const errorTypeRegistries = \[[^\]]*\];?$/gm, "");
const schemas = Object.values(await import("data:text/javascript," + encodeURIComponent(source)));

const declared = readdirSync(join(root, "dist-types/models")).filter((f) => f.endsWith(".d.ts"))
  .map((f) => readFileSync(join(root, "dist-types/models", f), "utf8").replace(/\/\*[^]*?\*\//g, "")).join("\n");
const enums = await import(pathToFileURL(join(root, "dist-es/models/enums.js")).href);
const enumOf = {};
for (const [, name, body] of declared.matchAll(/export interface (\w+)[^{]*\{([^}]*)\}/g))
  for (const [, member, type] of body.matchAll(/(\w+)\??: \(?(\w+)(?: \| undefined\))?(?:\[\])? \| undefined;/g))
    if (enums[type]) enumOf[`${name}.${member}`] = Object.values(enums[type]);

const open = (schema) => {
  while (true) {
    if (typeof schema === "function") schema = schema();
    else if (Array.isArray(schema) && typeof schema[0] !== "number") schema = schema[0]; // with traits
    else return schema;
  }
};
const describe = (given) => {
  const schema = open(given);
  if (typeof schema === "number") {
    if (schema & 64) return { type: "list", item: scalars[schema & 63] };
    if (schema & 128) return { type: "map" };
    return { type: scalars[schema] ?? `scalar ${schema}` };
  }
  if (schema[0] === 3) return { type: "structure", shape: schema[2] };
  if (schema[0] === 2) return { type: "map" };
  if (schema[0] === 0) return { type: scalars[schema[4]] ?? "string" };
  const item = describe(schema[4]);
  return { type: "list", item: item.type, shape: item.shape };
};

const model = { operations: {}, shapes: {}, errors: {} };
const visit = (given) => {
  const schema = open(given);
  if (typeof schema === "number") return;
  if (schema[0] === 1 || schema[0] === 2) return void schema.slice(4).forEach(visit);
  if (schema[0] !== 3 || model.shapes[schema[2]]) return;
  const members = (model.shapes[schema[2]] = {});
  (schema[4] ?? []).forEach((name, i) => {
    members[name] = { ...describe(schema[5][i]), required: i < (schema[6] ?? 0) };
    if (enumOf[`${schema[2]}.${name}`]) members[name].enum = enumOf[`${schema[2]}.${name}`];
    visit(schema[5][i]);
  });
};
for (const schema of schemas) {
  if (!Array.isArray(schema)) continue;
  if (schema[0] === -3) model.errors[schema[2]] = schema[3]?.httpError ?? 400;
  if (schema[0] !== 9) continue;
  model.operations[schema[2]] = { input: open(schema[4])[2], output: open(schema[5])[2] };
  visit(schema[4]);
  visit(schema[5]);
}
console.log(JSON.stringify(model));
