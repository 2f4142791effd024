// Reads JSON from stdin, prints one line for each fault, exits with 1 when there was one. In a directory with node_modules of package.json.
//   node check.mjs manifests   [{from, manifest}…]: types, values and unknown keys, against Kubernetes and the prometheus-operator
//   node check.mjs values      {schema, documents: [{from, values}…]}: a chart's values against its schema
//   node check.mjs sbom        a CycloneDX document in version 1.6, unknown keys refused
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const input = readFileSync(0, "utf8");
const faults = [];

const modelOf = ({ apiVersion, kind }) =>
  (apiVersion.startsWith("monitoring.coreos.com/") ? "@kubernetes-models/prometheus-operator/" : "kubernetes-models/") + `${apiVersion}/${kind}`;

// The models check values (enumerations, quantities, what is required) but not unknown keys; TypeScript checks these in literals.
async function manifests(documents) {
  for (const { from, manifest } of documents) {
    try {
      const model = await import(modelOf(manifest));
      new model[manifest.kind](manifest).validate();
    } catch (error) {
      faults.push(`${from}: ${manifest.kind}: ${error.message}`);
    }
  }
  const { default: ts } = await import("typescript");
  const file = join(process.cwd(), "manifests.ts");
  const source = documents.map(({ manifest }, i) => `({ // ${i}
${JSON.stringify(manifest, null, 1).slice(1)} satisfies import("${modelOf(manifest)}").I${manifest.kind});\n`).join("");
  writeFileSync(file, source + "export {};\n");
  const options = { noEmit: true, strict: true, skipLibCheck: true, types: [], module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16,
    target: ts.ScriptTarget.ES2022 };
  for (const found of ts.getPreEmitDiagnostics(ts.createProgram([file], options))) {
    const before = found.file ? found.file.text.slice(0, found.start) : "";
    const which = documents[Number([...before.matchAll(/^\(\{ \/\/ (\d+)$/gm)].at(-1)?.[1] ?? 0)];
    faults.push(`${which.from}: ${which.manifest.kind}: ${ts.flattenDiagnosticMessageText(found.messageText, " ")}`);
  }
}

async function values({ schema, documents }) {
  const { Ajv } = await import("ajv");
  const ajv = new Ajv({ allErrors: true });
  const validate = ajv.compile(schema);
  for (const { from, values } of documents) {
    if (!validate(values)) faults.push(...validate.errors.map((e) => `${from}: ${e.instancePath || "/"} ${e.message} ${JSON.stringify(e.params)}`));
  }
}

async function sbom(text) {
  const { Spec, Validation } = await import("@cyclonedx/cyclonedx-library");
  const found = await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text);
  if (found !== null) faults.push(JSON.stringify(found, null, 1));
}

const what = process.argv[2];
if (what === "manifests") await manifests(JSON.parse(input));
else if (what === "values") await values(JSON.parse(input));
else if (what === "sbom") await sbom(input);
else faults.push(`nothing to check is called ${what}`);
for (const fault of faults) console.log(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
