"""Runs `lww mask` and Presidio over the same corpus in the same run, and prints both side by side.

usage: compare.py LWW POLICY GOLD.jsonl

Presidio: every pattern recogniser that it comes with, of all countries, on a blank spaCy pipeline with words in small letters
for lemmas, since no model of spaCy 3 is on PyPI; so there are no names in this comparison. A value counts as covered when masks, of whatever kind,
hide all of its letters and digits.
"""

import json
import logging
import subprocess
import sys
import time

PRESIDIO_THRESHOLD = 0.4
# What says nothing of the entities compared here.
APART = {"PERSON", "LOCATION", "NRP", "DATE_TIME", "URL", "ORGANIZATION", "AGE", "TITLE"}
GROUPS = {
    "mainland numbers": "cn.id_card cn.bank_card cn.mobile cn.landline cn.credit_code email iban".split(),
    "secrets": "card.cvv card.pin card.expiry auth.password auth.otp".split(),
    "papers, plates, accounts": "cn.hm_permit cn.tw_permit passport cn.plate swift im.wechat im.qq imei mac ip crypto.btc crypto.eth".split(),
}


def lww(binary, policy, messages):
    lines = "".join(json.dumps({"text": message["text"]}, ensure_ascii=False) + "\n" for message in messages)
    command = [binary, "mask", "--policy", policy, "--view", "agent", "--jsonl"]
    empty = time.perf_counter()
    subprocess.run(command, input="", capture_output=True, text=True, check=True)
    start = time.perf_counter()
    out = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
    seconds = time.perf_counter() - start - (start - empty)
    return [[(span["start"], span["end"]) for span in json.loads(line)["spans"]] for line in out.splitlines()], seconds


def presidio(messages):
    import spacy
    from presidio_analyzer import AnalyzerEngine, PatternRecognizer, RecognizerRegistry, predefined_recognizers
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
    from spacy.language import Language

    # Its list of domains is fetched from the network, and comes with it otherwise.
    for name in ("presidio-analyzer", "tldextract"):
        logging.getLogger(name).setLevel(logging.CRITICAL)

    @Language.component("lower")
    def lower(document):
        # Words beside a value are compared by lemma.
        for token in document:
            token.lemma_ = token.lower_
        return document

    class Blank(SpacyNlpEngine):
        def load(self):
            self.nlp = {"en": spacy.blank("en")}
            self.nlp["en"].add_pipe("lower")

    engine = Blank(models=[{"lang_code": "en", "model_name": "blank"}], ner_model_configuration=NerModelConfiguration())
    engine.load()
    registry = RecognizerRegistry(supported_languages=["en"])
    # All that it has, those of single countries included, which it leaves off by default.
    for name in predefined_recognizers.__all__:
        kind = getattr(predefined_recognizers, name)
        if isinstance(kind, type) and issubclass(kind, PatternRecognizer):
            registry.add_recognizer(kind(supported_language="en"))
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
    analyzer.analyze("mail me at a@example.com", language="en")
    start = time.perf_counter()
    found = [analyzer.analyze(message["text"], language="en", score_threshold=PRESIDIO_THRESHOLD) for message in messages]
    seconds = time.perf_counter() - start
    return [[(one.start, one.end) for one in spans if one.entity_type not in APART] for spans in found], seconds


def covered(message, span, masks):
    inside = range(span["start"], span["end"])
    return all(any(start <= at < end for start, end in masks) for at in inside if message["text"][at].isalnum())


def share(part, whole):
    return f"{100 * part / whole:6.2f} %" if whole else "      -"


def recall(messages, found, entities, disguised):
    all_, hit = 0, 0
    for message, masks in zip(messages, found):
        for span in message["spans"]:
            if span["disguised"] == disguised and (entities is None or span["entity"] in entities):
                all_ += 1
                hit += covered(message, span, masks)
    return hit, all_


def precision(messages, found):
    right, all_ = 0, 0
    for message, masks in zip(messages, found):
        for start, end in masks:
            all_ += 1
            right += any(span["start"] < end and start < span["end"] for span in message["spans"])
    return right, all_


def main(binary, policy, path):
    with open(path, encoding="utf8") as file:
        messages = [json.loads(line) for line in file]
    tools = {"lww mask": lww(binary, policy, messages), "Presidio": presidio(messages)}
    others = {span["entity"] for message in messages for span in message["spans"]} - {e for group in GROUPS.values() for e in group}
    groups = {**GROUPS, "numbers of other states": sorted(others), "all": None}
    print(f"{len(messages)} messages, {sum(not m['spans'] for m in messages)} of them without values")
    print(f"{'covered by masks':<44}" + "".join(f"{name:>16}" for name in tools))
    for name, entities in groups.items():
        for disguised in (False, True):
            row = [recall(messages, found, entities, disguised) for found, _ in tools.values()]
            if row[0][1]:
                label = f"{name}, {'disguised' if disguised else 'plain'} ({row[0][1]})"
                print(f"{label:<44}" + "".join(f"{share(*one):>16}" for one in row))
    print(f"{'masks that meet a value':<44}" + "".join(f"{share(*precision(messages, found)):>16}" for found, _ in tools.values()))
    clean = [at for at, message in enumerate(messages) if not message["spans"]]
    masked = [sum(bool(found[at]) for at in clean) for found, _ in tools.values()]
    print(f"{f'clean messages that are masked, of {len(clean)}':<44}" + "".join(f"{one:>16}" for one in masked))
    print(f"{'messages a second, one process':<44}" + "".join(f"{len(messages) / seconds:>16.0f}" for _, seconds in tools.values()))


if __name__ == "__main__":
    main(*sys.argv[1:])
