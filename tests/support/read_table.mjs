// Reads a decision table as the picker does: for each combination of choices, a line with the digest of every answer.
// Standard input: {source, data, rivals}. What it prints is compared with what Python reads from the same table.
import { createHash } from "node:crypto";
import { runInNewContext } from "node:vm";

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { source, data, rivals } = JSON.parse(input);
const { Table, usd } = runInNewContext(`${source}; ({ Table, usd })`);
const table = new Table(data);

function* combinations(factors) {
  if (factors.length === 0) { yield {}; return; }
  const [[name, possible], ...rest] = factors;
  for (const choice of possible) for (const others of combinations(rest)) yield { [name]: choice, ...others };
}

function answers(choices) {
  const groups = Object.keys(data.groups);
  const numbers = groups.filter((group) => table.holding(group, choices).every((value) => typeof value === "number"));
  return [
    table.names.map((fact) => table.value(fact, choices)),
    groups.map((group) => [table.any(group, choices), table.count(group, choices)]),
    numbers.map((group) => [group, table.sum(group, choices), usd(table.sum(group, choices))]),
    rivals.map((groups) => table.least(groups, choices)),
    Object.keys(data.texts).map((text) => table.text(text, choices)),
  ];
}

const lines = [];
for (const choices of combinations(data.factors)) {
  const allowed = table.allowed(choices);
  const digest = createHash("sha256").update(JSON.stringify(answers(allowed))).digest("hex");
  lines.push(`${Object.values(choices)} ${Object.values(allowed)} ${digest}`);
}
process.stdout.write(lines.join("\n"));
