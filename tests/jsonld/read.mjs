// Reads a JSON-LD document from standard input, asking nobody for anything: its N-Quads, and what a frame finds in it.
import { readFileSync } from "node:fs";
import jsonld from "jsonld";

const [document, frame] = JSON.parse(readFileSync(0, "utf8"));
const documentLoader = (address) => { throw new Error(`${address} was asked for`); };
const nquads = await jsonld.toRDF(document, { format: "application/n-quads", documentLoader });
const framed = await jsonld.frame(document, frame, { documentLoader });
console.log(JSON.stringify({ nquads, framed }));
