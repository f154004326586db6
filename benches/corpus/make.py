"""Writes the corpus: gold messages, plain and disguised, and clean ones, the same for the same seed.

usage: make.py SEED EACH CLEAN OUT.jsonl
"""

import json
import random
import sys

from faker import Faker

import disguises
import templates
from values import Values


def main(seed, each, clean, path):
    source = random.Random(seed)
    Faker.seed(seed)
    values = Values(source, Faker("zh_CN"), Faker("en_US"))
    missing = set(values.kinds) ^ set(templates.BESIDE)
    if missing:
        sys.exit(f"values and templates differ in {sorted(missing)}")
    lines = []
    for entity, beside in templates.BESIDE.items():
        ways = disguises.of(entity)
        lines += [message(values, entity, source.choice(beside), None, source) for _ in range(each)]
        lines += [message(values, entity, source.choice(beside), source.choice(ways), source) for _ in range(each if ways else 0)]
    lines += [{"text": fill(source.choice(templates.CLEAN), source), "spans": []} for _ in range(clean)]
    source.shuffle(lines)
    with open(path, "w", encoding="utf8") as out:
        out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def message(values, entity, template, way, source):
    value = values.of(entity)
    written = disguises.DISGUISES[way](value, source) if way else value
    start = template.index("{}")
    span = {"start": start, "end": start + len(written), "entity": entity, "disguised": written != value}
    return {"text": template.replace("{}", written, 1), "spans": [span], "way": way}


def fill(template, source):
    kinds = {"#": "0123456789", "$": "0123456789abcdef", "@": "ABCDEFGHJKLMNPQRSTUVWXYZ"}
    # A dollar sign before a number is one.
    money = template.startswith("$4")
    return "".join(c if c not in kinds or (money and c == "$") else source.choice(kinds[c]) for c in template)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
