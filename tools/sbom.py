#!/usr/bin/env python3
"""Writes what the programs are made of: an SBOM (CycloneDX 1.6, JSON) and the licence texts of everything in it.

    tools/sbom.py OUT_FOLDER        writes sbom.cdx.json and THIRD-PARTY.txt

Both come from `cargo metadata`, Cargo.lock and web/package-lock.json with its packages installed, offline, and are the same bytes for the same commit: the time is
SOURCE_DATE_EPOCH, the serial number a hash of the content. Crates for tests only are left out; what only builds (scripts, their
helpers, the tools of web/) is listed with the scope "excluded". A component without a licence is an error.
"""

import base64
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

PROGRAMS = {"liaowaiwai", "lww-audit", "lww-recogniser", "lww-recogniser-training"}
LICENCE_FILES = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


def metadata():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline"]
    command += ["--filter-platform", "x86_64-unknown-linux-gnu"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def tree(edges):
    """Name and version of each crate that the programs reach by these edges; unlike the metadata's, without what only tests'
    dependencies switch on."""
    command = ["cargo", "tree", "--locked", "--offline", "--workspace", "--edges", edges, "--prefix", "none"]
    command += ["--target", "x86_64-unknown-linux-gnu", "--format", "{p}"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return {tuple(line.split()[:2]) for line in lines if line.strip()}


def expression(package):
    if not package["license"]:
        sys.exit(f"{package['name']} {package['version']} names no licence")
    # Older crates write a slash where SPDX has OR.
    return re.sub(r"\s*/\s*", " OR ", package["license"])


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, checksums, scope):
    key = (package["name"], package["version"])
    found = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "scope": scope,
        "licenses": [{"expression": expression(package)}],
        "purl": purl(package),
    }
    if package["description"]:
        found["description"] = " ".join(package["description"].split())
    if key in checksums:
        found["hashes"] = [{"alg": "SHA-256", "content": checksums[key]}]
    return found


def pages():
    """What the pages are made of and with: the folder, name and facts of each npm package that the lock file names."""
    with open("web/package-lock.json", encoding="utf-8") as lock:
        locked = json.load(lock)["packages"]
    # Packages for other machines are optional and not there.
    found = ((pathlib.Path("web") / path, path.rpartition("node_modules/")[2], facts) for path, facts in locked.items() if path)
    return [(folder, name, facts) for folder, name, facts in found if folder.is_dir() or not facts.get("optional")]


def page_component(name, facts):
    if not facts.get("license"):
        sys.exit(f"{name} {facts['version']} names no licence")
    address = f"pkg:npm/{name.replace('@', '%40')}@{facts['version']}"
    algorithm, _, digest = facts["integrity"].partition("-")
    return {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": facts["version"],
        "scope": "excluded" if facts.get("dev") else "required",
        "licenses": [{"expression": facts["license"]}],
        "purl": address,
        "hashes": [{"alg": algorithm.upper().replace("SHA", "SHA-"), "content": base64.b64decode(digest).hex()}],
    }


def bill(packages, nodes, roots, linked, reached, checksums):
    order = lambda ids: sorted(ids, key=lambda one: purl(packages[one]))
    root = next(packages[one] for one in roots if packages[one]["name"] == "liaowaiwai")
    components = [
        component(packages[one], checksums, "required" if one in linked else "excluded")
        for one in order(reached - {root["id"]})
    ]
    # A package may be installed at several places.
    components += sorted(
        {found["purl"]: found for found in (page_component(name, facts) for _, name, facts in pages())}.values(),
        key=lambda found: found["purl"],
    )
    depends = [
        {
            "ref": purl(packages[one]),
            "dependsOn": sorted({purl(packages[dep["pkg"]]) for dep in nodes[one]["deps"] if dep["pkg"] in reached}),
        }
        for one in order(reached)
    ]
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    stamp = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"type": "application", "bom-ref": purl(root), "name": "liaowaiwai", "version": root["version"]}
    about |= {"licenses": [{"expression": expression(root)}], "purl": purl(root)}
    content = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": stamp, "component": about},
        "components": components,
        "dependencies": depends,
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    return content | {"serialNumber": f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=5)}"}


def licences(packages, third_party):
    """The texts, each once, with the crates that it belongs to."""
    texts, crates = {}, []

    def add(name, licence, paths):
        files = sorted(path for path in paths if path.is_file() and LICENCE_FILES.match(path.name))
        crates.append(f"{name} ({licence})" + ("" if files else ", which brings no text of its own"))
        for path in files:
            text = path.read_text(encoding="utf-8", errors="replace").strip()
            texts.setdefault(text, []).append(name)

    for package in sorted(third_party, key=purl):
        folder = pathlib.Path(package["manifest_path"]).parent
        # What a crate brings of others (C libraries) has its own text further down.
        add(f"{package['name']} {package['version']}", expression(package), folder.rglob("*"))
    for folder, name, facts in pages():
        if not facts.get("dev"):
            add(f"{name} {facts['version']} (npm)", facts["license"], folder.glob("*"))
    line = "-" * 100
    parts = ["What Liaowaiwai is made of besides its own code, and under which licences.\n\n" + "\n".join(crates)]
    parts += [f"{line}\n{', '.join(names)}\n{line}\n{text}" for text, names in texts.items()]
    return "\n\n".join(parts) + "\n"


def main():
    out = pathlib.Path(sys.argv[1])
    data = metadata()
    packages = {package["id"]: package for package in data["packages"]}
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    roots = {one for one in data["workspace_members"] if packages[one]["name"] in PROGRAMS}
    linked, reached = (
        {one for one, package in packages.items() if (package["name"], f"v{package['version']}") in found}
        for found in (tree("normal"), tree("normal,build"))
    )
    with open("Cargo.lock", "rb") as lock:
        locked = tomllib.load(lock)["package"]
    checksums = {(one["name"], one["version"]): one["checksum"] for one in locked if "checksum" in one}
    content = bill(packages, nodes, roots, linked, reached, checksums)
    (out / "sbom.cdx.json").write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    third_party = [packages[one] for one in linked - roots]
    (out / "THIRD-PARTY.txt").write_text(licences(packages, third_party))


main()
