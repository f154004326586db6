"""Verifies a time-stamp token with rfc3161-client: timestamps.py TOKEN TEXT ROOTS; exit code 1 when it doesn't hold."""

import sys

from cryptography import x509
from rfc3161_client import VerifierBuilder, decode_timestamp_response
from rfc3161_client.errors import VerificationError

token, text, roots = (open(path, "rb").read() for path in sys.argv[1:4])


def tlv(tag, content):
    length = len(content)
    short = bytes([length]) if length < 128 else bytes([0x82]) + length.to_bytes(2, "big")
    return bytes([tag]) + short + content


# The library reads answers: granted, with this token.
try:
    answer = decode_timestamp_response(tlv(0x30, tlv(0x30, b"\x02\x01\x00") + token))
    builder = VerifierBuilder()
    for root in x509.load_pem_x509_certificates(roots):
        builder = builder.add_root_certificate(root)
    builder.build().verify_message(answer, text)
except (ValueError, VerificationError) as refused:
    sys.exit(f"refused: {refused}")
print(answer.tst_info.gen_time)
