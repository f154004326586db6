"""Judges what sslyze found: tls.py FOUND."""
import json
import sys

SUITES = {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"}
CURVES = {"X25519", "secp256r1", "secp384r1"}

[server] = json.load(open(sys.argv[1]))["server_scan_results"]
results = server["scan_result"]


def result(name):
    found = results[name]
    if found["status"] != "COMPLETED":
        sys.exit(f"sslyze could not finish {name}: {found['error_reason']}")
    return found["result"]


def suites(version):
    accepted = result(f"{version}_cipher_suites")["accepted_cipher_suites"]
    return {one["cipher_suite"]["name"] for one in accepted}


wrong = [f"{version}: {suites(version)}" for version in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2"] if suites(version)]
modern = suites("tls_1_3")
if modern != SUITES:
    wrong.append(f"tls_1_3: {modern}")
curves = {curve["name"] for curve in result("elliptic_curves")["supported_curves"] or []}
if not curves or curves - CURVES:
    wrong.append(f"curves: {curves}")
if result("tls_compression")["supports_compression"]:
    wrong.append("compression")
if result("tls_1_3_early_data")["supports_early_data"]:
    wrong.append("early data, which can be replayed")
if result("heartbleed")["is_vulnerable_to_heartbleed"] or result("openssl_ccs_injection")["is_vulnerable_to_ccs_injection"]:
    wrong.append("an old OpenSSL")
renegotiation = result("session_renegotiation")
if renegotiation["is_vulnerable_to_client_renegotiation_dos"]:
    wrong.append("renegotiation by clients")
if wrong:
    sys.exit("\n".join(wrong))
print(f"sslyze: TLS 1.3 only, {', '.join(sorted(modern))}; curves {', '.join(sorted(curves))}")
