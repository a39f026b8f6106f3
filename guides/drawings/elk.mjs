// Lays out graphs: a JSON array of ELK graphs on standard input, the same with places on standard output.
import ELK from "elkjs/lib/elk.bundled.js";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const elk = new ELK();
const laidOut = [];
for (const graph of JSON.parse(Buffer.concat(chunks).toString("utf8"))) laidOut.push(await elk.layout(graph));
process.stdout.write(JSON.stringify(laidOut));
