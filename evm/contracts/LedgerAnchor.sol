// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// Keeps the newest checkpoint of each ledger (its size, its RFC 6962 root) and a batch root over the leaves since the one before.
///
/// A ledger here only grows: a smaller size, or another root at a size that was kept, reverts. One address writes; its owner
/// names another when its key is lost, and can change nothing that was kept. Batch roots are those of OpenZeppelin's
/// StandardMerkleTree over (uint64 index, bytes32 leaf); the ledger's own tree is RFC 6962 and is not verified here.
contract LedgerAnchor {
    struct Checkpoint {
        uint64 size;
        uint64 blockNumber;
        uint64 time;
        bytes32 root;
    }

    /// Who names the submitter.
    address public owner;
    /// Who writes.
    address public submitter;

    mapping(bytes32 => Checkpoint) private newestOf;
    mapping(bytes32 => mapping(uint64 => bytes32)) private batchOf;

    event Anchored(
        bytes32 indexed log, uint64 indexed size, bytes32 root, uint64 first, bytes32 batchRoot, string origin
    );
    event SubmitterChanged(address indexed submitter);

    error NotOwner();
    error NotSubmitter();
    error SmallerSize(uint64 newest, uint64 size);
    error OtherRoot(uint64 size, bytes32 root);
    error NoBatch(uint64 first, uint64 size);

    constructor(address first) {
        owner = msg.sender;
        submitter = first;
        emit SubmitterChanged(first);
    }

    /// Names another address that writes.
    function changeSubmitter(address next) external {
        if (msg.sender != owner) revert NotOwner();
        submitter = next;
        emit SubmitterChanged(next);
    }

    /// Keeps a checkpoint, and the batch root over the leaves from `first` to before `size`.
    /// The same again changes nothing.
    function anchor(string calldata origin, uint64 size, bytes32 root, uint64 first, bytes32 batchRoot) external {
        if (msg.sender != submitter) revert NotSubmitter();
        if (first >= size || batchRoot == 0) revert NoBatch(first, size);
        bytes32 log = keccak256(bytes(origin));
        Checkpoint storage kept = newestOf[log];
        if (size < kept.size) revert SmallerSize(kept.size, size);
        if (size == kept.size) {
            if (root != kept.root || batchRoot != batchOf[log][size]) revert OtherRoot(size, kept.root);
            return;
        }
        kept.size = size;
        kept.blockNumber = uint64(block.number);
        kept.time = uint64(block.timestamp);
        kept.root = root;
        batchOf[log][size] = batchRoot;
        emit Anchored(log, size, root, first, batchRoot, origin);
    }

    /// The newest checkpoint of a ledger; all zero for one that nobody anchored.
    function newest(string calldata origin)
        external
        view
        returns (uint64 size, bytes32 root, bytes32 batchRoot, uint64 blockNumber, uint64 time)
    {
        bytes32 log = keccak256(bytes(origin));
        Checkpoint storage kept = newestOf[log];
        return (kept.size, kept.root, batchOf[log][kept.size], kept.blockNumber, kept.time);
    }

    /// The batch root that was kept with a size; zero where none was.
    function batchRoot(string calldata origin, uint64 size) external view returns (bytes32) {
        return batchOf[keccak256(bytes(origin))][size];
    }

    /// Whether a leaf of the ledger is in the batch that was kept with `size`.
    function verify(string calldata origin, uint64 size, uint64 index, bytes32 leaf, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 root = batchOf[keccak256(bytes(origin))][size];
        bytes32 hashed = keccak256(bytes.concat(keccak256(abi.encode(index, leaf))));
        return root != 0 && MerkleProof.verifyCalldata(proof, root, hashed);
    }
}
