"""Sends signed messages of a customers' app (docs/integrator/http.md, RFC 9421): traffic.py HTTP SECRET COUNT"""
import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request
from urllib.parse import urlsplit

http, secret, count = sys.argv[1], open(sys.argv[2], "rb").read(), int(sys.argv[3])
path = "/api/v1/channels/http/demo/app/messages"

for number in range(count):
    body = json.dumps({"contact": f"customer-{number % 20}", "text": f"message {number}"}).encode()
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    key = os.urandom(8).hex()
    covered = {"@method": "POST", "@authority": urlsplit(http).netloc, "@path": path, "@query": "?", "content-digest": digest, "idempotency-key": key}
    names = " ".join(f'"{name}"' for name in covered)
    parameters = f'({names});created={int(time.time())};keyid="demo-app"'
    lines = [f'"{name}": {value}' for name, value in covered.items()] + [f'"@signature-params": {parameters}']
    tag = base64.b64encode(hmac.new(secret, "\n".join(lines).encode(), hashlib.sha256).digest()).decode()
    headers = {
        "Content-Type": "application/json",
        "Content-Digest": digest,
        "Idempotency-Key": key,
        "Signature-Input": f"sig={parameters}",
        "Signature": f"sig=:{tag}:",
    }
    with urllib.request.urlopen(urllib.request.Request(http + path, body, headers, method="POST"), timeout=60) as answer:
        assert answer.status == 201, answer.status
