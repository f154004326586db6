// Compiles LedgerAnchor.sol with the pinned compiler and library: `node build.mjs` writes LedgerAnchor.json,
// `node build.mjs --check` compares it with what is committed. Without metadata, the same source gives the same bytes anywhere.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const solc = require("solc");
const here = (name) => new URL(name, import.meta.url);
const read = (name) => readFileSync(here(name), "utf8");
const lock = JSON.parse(read("package-lock.json")).packages;

const input = {
  language: "Solidity",
  sources: { "LedgerAnchor.sol": { content: read("LedgerAnchor.sol") } },
  settings: {
    // Paris has no PUSH0, which many consortium chains don't know yet.
    evmVersion: "paris",
    optimizer: { enabled: true, runs: 200 },
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: { "LedgerAnchor.sol": { LedgerAnchor: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
  },
};
const found = (path) => ({ contents: read(`node_modules/${path}`) });
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: found }));
const errors = (output.errors ?? []).filter((one) => one.severity === "error");
if (errors.length > 0) {
  console.error(errors.map((one) => one.formattedMessage).join("\n"));
  process.exit(1);
}
const { abi, evm } = output.contracts["LedgerAnchor.sol"].LedgerAnchor;
const built =
  JSON.stringify(
    {
      compiler: `solc ${solc.version()}`,
      library: `@openzeppelin/contracts ${lock["node_modules/@openzeppelin/contracts"].version}`,
      abi,
      bytecode: evm.bytecode.object,
      deployed: evm.deployedBytecode.object,
    },
    null,
    1,
  ) + "\n";
if (process.argv.includes("--check")) {
  if (read("LedgerAnchor.json") !== built) {
    console.error("LedgerAnchor.json is not what LedgerAnchor.sol compiles to: npm run build");
    process.exit(1);
  }
  console.log(`LedgerAnchor.json is what ${solc.version()} makes of LedgerAnchor.sol, ${evm.deployedBytecode.object.length / 2} bytes`);
} else {
  writeFileSync(here("LedgerAnchor.json"), built);
}
