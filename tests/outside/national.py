"""Checks what a server published, and what it seals, by gmssl alone: national.py TILES KEYS SEAL.RS"""
import base64
import hashlib
import pathlib
import re
import sys

from gmssl import sm2, sm3, sm4

IDENTIFIER = b"liaowaiwai/sm2-checkpoint/v1"
USER = b"1234567812345678".hex()


def digest(data):
    return bytes.fromhex(sm3.sm3_hash(list(data)))


# ---- the standards' own examples, so that the library itself is known to be right ----
assert digest(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def block(key, data):
    crypt = sm4.CryptSM4(padding_mode=3)
    crypt.set_key(key, sm4.SM4_ENCRYPT)
    return bytes(crypt.one_round(crypt.sk, list(data)))


PLAIN = bytes.fromhex("0123456789abcdeffedcba9876543210")
assert block(PLAIN, PLAIN).hex() == "681edf34d206965e86b3e94f536e4246"


# ---- SM4-GCM, by NIST SP 800-38D over that block cipher ----
def times(x, y):
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return product


def gcm(key, nonce, bound, plain):
    h = int.from_bytes(block(key, bytes(16)), "big")
    counter = lambda n: block(key, nonce + n.to_bytes(4, "big"))
    stream = b"".join(counter(2 + n) for n in range((len(plain) + 15) // 16))
    sealed = bytes(a ^ b for a, b in zip(plain, stream))
    padded = lambda data: data + bytes(-len(data) % 16)
    lengths = (8 * len(bound)).to_bytes(8, "big") + (8 * len(sealed)).to_bytes(8, "big")
    state, hashed = 0, padded(bound) + padded(sealed) + lengths
    for at in range(0, len(hashed), 16):
        state = times(state ^ int.from_bytes(hashed[at:at + 16], "big"), h)
    return sealed, bytes(a ^ b for a, b in zip(state.to_bytes(16, "big"), counter(1)))


def hmac(key, data):
    key = key + bytes(64 - len(key))
    inner = digest(bytes(byte ^ 0x36 for byte in key) + data)
    return digest(bytes(byte ^ 0x5C for byte in key) + inner)


def expand(key, info, length):
    out, last, n = b"", b"", 1
    while len(out) < length:
        last = hmac(key, last + info + bytes([n]))
        out, n = out + last, n + 1
    return out[:length]


def open_sealed(key, bound, value):
    """The plaintext of a sealed value of version 2, or None."""
    nonce, commitment, sealed, tag = value[5:29], value[29:61], value[61:-16], value[-16:]
    expanded = expand(key, b"lww/2 seal\0" + nonce, 60)
    if value[0] != 2 or expanded[28:] != commitment:
        return None
    plain, _ = gcm(expanded[:16], expanded[16:28], bound, sealed)
    return plain if gcm(expanded[:16], expanded[16:28], bound, plain) == (sealed, tag) else None


golden = re.search(r'GOLDEN_SM4: &str = "([0-9a-f]+)"', pathlib.Path(sys.argv[3]).read_text()).group(1)
golden, key = bytes.fromhex(golden), bytes([0x11] * 32)
assert open_sealed(key, b"bound", golden) == b"plaintext"
for at in [0, *range(5, len(golden))]:
    changed = bytearray(golden)
    changed[at] ^= 1
    assert open_sealed(key, b"bound", bytes(changed)) is None, f"byte {at} of what is sealed"
assert open_sealed(key, b"Bound", golden) is None and open_sealed(bytes(32), b"bound", golden) is None


# ---- the checkpoint ----
tiles = pathlib.Path(sys.argv[1])
note = (tiles / "checkpoint").read_text()
text, lines = note.rsplit("\n\n", 1)
text += "\n"
origin, size, _ = text.splitlines()
own = [line.split("+", 2) for line in pathlib.Path(sys.argv[2]).read_text().split()]
[(name, key_id, typed)] = [key for key in own if base64.b64decode(key[2])[0] == 0xFF]
typed = base64.b64decode(typed)
assert name == origin and typed[1:].startswith(IDENTIFIER) and len(typed) == 1 + len(IDENTIFIER) + 65
assert hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8] == key_id
public = typed[-65:]
assert public[0] == 4
blobs = [base64.b64decode(line.split(" ")[2]) for line in lines.split("\n") if line.startswith(f"\u2014 {origin} ")]
[blob] = [blob for blob in blobs if blob[:4].hex() == key_id]
root, signature = blob[4:36], blob[36:]
assert len(signature) == 64

verifier = sm2.CryptSM2(private_key="", public_key="")
verifier.public_key = public[1:].hex()  # Its constructor strips more than the leading 04.


def is_signed(root, text, signature):
    message = f"sm2-checkpoint/v1\nsm3 {base64.b64encode(root).decode()}\n{text}".encode()
    table = verifier.ecc_table
    z = bytes.fromhex("0080" + USER + table["a"] + table["b"] + table["g"] + verifier.public_key)
    return bool(verifier.verify(signature.hex(), digest(digest(z) + message)))


assert is_signed(root, text, signature), "gmssl does not verify the SM2 signature"
assert not is_signed(bytes(32), text, signature)
assert not is_signed(root, text.replace(f"\n{size}\n", f"\n{int(size) + 1}\n"), signature)
for at in (0, 31, 32, 63):
    changed = bytearray(signature)
    changed[at] ^= 1
    assert not is_signed(root, text, bytes(changed)), f"byte {at} of the signature"


# ---- the SM3 root, from the entries ----
def entries():
    count = int(size)
    for index in range((count + 255) // 256):
        width = min(256, count - 256 * index)
        data = (tiles / "tile/entries" / (f"{index:03d}" + ("" if width == 256 else f".p/{width}"))).read_bytes()
        while data:
            length = int.from_bytes(data[:2], "big")
            yield data[2:2 + length]
            data = data[2 + length:]


def tree(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else digest(b"")
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return digest(b"\1" + tree(leaves[:split]) + tree(leaves[split:]))


leaves = [digest(b"\0" + entry) for entry in entries()]
assert len(leaves) == int(size) and tree(leaves) == root, "the entries come to another SM3 root"
assert tree(leaves[:-1] + [digest(b"\0another")]) != root
stored = b"".join(path.read_bytes() for path in sorted((tiles / "sm3/tile/0").rglob("*")) if path.is_file())
assert stored == b"".join(leaves), "the tiles below sm3/ hold other hashes"
fingerprint = hashlib.sha256(public).hexdigest().encode()
assert any(b'"checkpoint-sm2"' in entry and fingerprint in entry for entry in entries()), "no entry names the key"
print(f"gmssl: the SM2 signature verifies, {size} entries come to the SM3 root {root.hex()}, and SM4-GCM opens what was sealed")
