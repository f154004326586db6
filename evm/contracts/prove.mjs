// Compares a batch with OpenZeppelin's own library: `node prove.mjs BATCH LEAVES` where BATCH is what `lww-evm batch` prints, and
// LEAVES holds a leaf hash a line. Prints the root.
import { readFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const [batchFile, leavesFile] = process.argv.slice(2);
const { size, batch } = JSON.parse(readFileSync(batchFile, "utf8"));
const leaves = readFileSync(leavesFile, "utf8").trim().split("\n");
const values = leaves.map((leaf, at) => [at, leaf]).slice(batch.first, size);
const tree = StandardMerkleTree.of(values, ["uint64", "bytes32"]);
if (tree.root !== batch.root) throw new Error(`the batch root is ${batch.root}, OpenZeppelin's is ${tree.root}`);
if (!StandardMerkleTree.verify(tree.root, ["uint64", "bytes32"], [size - 1, batch.leaf], batch.proof)) {
  throw new Error("OpenZeppelin's library does not follow the path of the newest leaf");
}
console.log(tree.root);
