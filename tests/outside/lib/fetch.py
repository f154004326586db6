"""Fetches a served log into a folder, laid out as C2SP tlog-tiles has it: fetch.py PREFIX COOKIE FOLDER"""
import gzip
import pathlib
import sys
import urllib.request

prefix, cookie, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])


def fetch(name):
    headers = {"Cookie": cookie, "Accept-Encoding": "gzip, identity"}
    with urllib.request.urlopen(urllib.request.Request(f"{prefix}/{name}", headers=headers), timeout=60) as answer:
        data = answer.read()
        data = gzip.decompress(data) if answer.headers.get("Content-Encoding") == "gzip" else data
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def name_of(index):
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


size = int(fetch("checkpoint").decode().splitlines()[1])
for part in ["entries", *range(8)]:
    count = size if part == "entries" else size >> (8 * part)
    for index in range((count + 255) // 256):
        width = min(256, count - 256 * index)
        fetch(f"tile/{part}/{name_of(index)}" + ("" if width == 256 else f".p/{width}"))
