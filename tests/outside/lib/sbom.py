"""Holds an SBOM against the strict schema of CycloneDX 1.6, and shows that the schema says no to spoilt ones."""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def fault(sbom):
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(sbom))


with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
whole = json.loads(text)
found = fault(whole)
if found:
    sys.exit(f"the schema refuses it: {found.data.json_path}: {found.data.message[:200]}")
for spoil in [
    lambda sbom: sbom.update(serialNumber="urn:uuid:none"),
    lambda sbom: sbom["components"][0].pop("name"),
    lambda sbom: sbom["components"][0].update(scope="perhaps"),
    lambda sbom: sbom["components"][0].update(unknown=True),
]:
    spoilt = json.loads(text)
    spoil(spoilt)
    if not fault(spoilt):
        sys.exit("the schema accepts a spoilt one")
print(f"sbom: {len(whole['components'])} components, valid as CycloneDX 1.6")
