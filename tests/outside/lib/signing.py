"""Hooks for schemathesis: requests of the channel account are signed as docs/integrator/http.md says (RFC 9421)."""
import base64
import hashlib
import hmac
import os
import time
from urllib.parse import urlsplit

import requests.auth
import schemathesis

SECRET = open(os.environ["LWW_SECRET"], "rb").read()


class Signed(requests.auth.AuthBase):
    """Signs what is about to be sent, whatever was generated."""

    def __call__(self, request):
        url = urlsplit(request.url)
        headers = request.headers
        # Who shows a visitor's token signs nothing.
        if "/channels/" not in url.path or "/channels/web/" in url.path:
            return request
        values = {"@method": request.method, "@authority": url.netloc, "@path": url.path, "@query": "?" + url.query}
        if request.method == "POST":
            body = request.body or b""
            body = body.encode() if isinstance(body, str) else body
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            headers["Content-Digest"] = f"sha-256=:{digest}:"
            headers.setdefault("Idempotency-Key", os.urandom(8).hex())
            covered = ["content-digest", "idempotency-key"]
        else:
            headers.setdefault("Lww-Contact", "outside")
            covered = ["lww-contact"]
        for name in covered:
            value = headers[name]
            values[name] = value.decode("latin-1") if isinstance(value, bytes) else value
        names = " ".join(f'"{name}"' for name in values)
        parameters = f'({names});created={int(time.time())};keyid="demo-app"'
        lines = [f'"{name}": {value}' for name, value in values.items()] + [f'"@signature-params": {parameters}']
        tag = hmac.new(SECRET, "\n".join(lines).encode("latin-1", "replace"), hashlib.sha256).digest()
        headers["Signature-Input"] = f"sig={parameters}"
        headers["Signature"] = f"sig=:{base64.b64encode(tag).decode()}:"
        return request


schemathesis.auth.set_from_requests(Signed())
