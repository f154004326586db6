"""Recomputes a tile directory's root and the receipts' inclusion paths with pymerkle.

Reads C2SP tlog-tiles, signed notes and tlog-proof by itself: it shares no code with the server or lww-verify.
"""

import base64
import pathlib
import sys

from pymerkle import InmemoryTree


def fail(what):
    sys.exit(f"FAILED: {what}")


def checkpoint(text):
    origin, size, root = text.split("\n\n")[0].splitlines()[:3]
    return origin, int(size), base64.b64decode(root, validate=True)


def tile_name(index):
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


def entries(tiles, size):
    for index in range((size + 255) // 256):
        width = min(256, size - 256 * index)
        suffix = "" if width == 256 else f".p/{width}"
        bundle = (tiles / "tile" / "entries" / (tile_name(index) + suffix)).read_bytes()
        at = 0
        for _ in range(width):
            length = int.from_bytes(bundle[at : at + 2], "big")
            at += 2 + length
            yield bundle[at - length : at]
        if at != len(bundle):
            fail(f"bundle {index} holds more than {width} entries")


def main(log):
    tiles = log / "tiles"
    origin, size, root = checkpoint((tiles / "checkpoint").read_text())
    found = list(entries(tiles, size))
    if size == 0:
        fail("the log is empty")
    tree = InmemoryTree.init_from_entries(found, algorithm="sha256")
    if tree.get_root() != root:
        fail(f"pymerkle's root of {size} entries is not the checkpoint's")

    # The check itself must be able to fail: one byte of the last entry.
    forged = found[:-1] + [found[-1][:-1] + bytes([found[-1][-1] ^ 1])]
    if InmemoryTree.init_from_entries(forged, algorithm="sha256").get_root() == root:
        fail("a changed entry went unnoticed")

    receipts = sorted((log / "receipts").glob("*.tlog-proof")) if (log / "receipts").is_dir() else []
    for receipt in receipts:
        head, note = receipt.read_text().split("\n\n", 1)
        lines = [line for line in head.splitlines()[1:] if not line.startswith("extra ")]
        index, path = int(lines[0].removeprefix("index ")), [base64.b64decode(line) for line in lines[1:]]
        _, its_size, its_root = checkpoint(note)
        if tree.get_root(its_size) != its_root:
            fail(f"{receipt.name}: its checkpoint is not of this log")
        proof = tree.prove_inclusion(index + 1, its_size)
        proof.verify(tree.get_leaf(index + 1), its_root)
        theirs = [bytes.fromhex(step) if isinstance(step, str) else step for step in proof.path]
        if sorted(theirs) != sorted(path + [tree.get_leaf(index + 1)]):
            fail(f"{receipt.name}: pymerkle's path for entry {index} is another")
    print(f"{origin}: {size} entries and {len(receipts)} receipts agree with pymerkle")


main(pathlib.Path(sys.argv[1]))
