"""Reads the metrics as Prometheus does and holds them against their document: metrics.py URL DOCUMENT."""
import re
import sys
import time
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

# Gauges come with the first measurement.
for _ in range(100):
    with urllib.request.urlopen(sys.argv[1], timeout=30) as answer:
        kind, text = answer.headers["Content-Type"], answer.read().decode()
    if "lww_database_reachable 1" in text and "lww_log_entries" in text:
        break
    time.sleep(0.2)
if not kind.startswith("application/openmetrics-text; version=1.0.0"):
    sys.exit(f"content type {kind}")
families = list(text_string_to_metric_families(text))
documented = set(re.findall(r"^\| `(lww_[a-z_]+)`", open(sys.argv[2]).read(), re.M))
unknown = {family.name for family in families} - documented
if unknown:
    sys.exit(f"not in the document: {unknown}")
labels = {(name, value) for family in families for sample in family.samples for name, value in sample.labels.items()}
odd = {name for name, _ in labels} - {"tenant", "channel", "status", "whose", "le"}
if odd:
    sys.exit(f"labels that are not expected: {odd}")
values = {sample.name: sample.value for family in families for sample in family.samples}
for name, least in [("lww_database_reachable", 1), ("lww_log_entries", 1), ("lww_process_open_files", 10), ("lww_commit_seconds_count", 1)]:
    if values.get(name, 0) < least:
        sys.exit(f"{name} is {values.get(name)}")
print(f"{len(families)} metrics with {len(labels)} labels are read by Prometheus' parser")
