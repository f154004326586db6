#!/usr/bin/env python3
"""Derives data/words.tsv, data/characters.tsv and data/traditional.tsv from two dictionaries.

Run once, by hand, when a dictionary is to be renewed: training itself needs neither Python nor a network.
    pip install jieba==0.42.1 opencc-python-reimplemented==0.1.7
    tools/recogniser/prepare.py SITE_PACKAGES
jieba's dictionary is under the MIT licence, OpenCC's tables under the Apache License 2.0. Of the names that jieba lists only
counts of their characters are kept, never a name.
"""
import collections
import math
import pathlib
import sys

site = pathlib.Path(sys.argv[1])
data = pathlib.Path(__file__).parent / "data"
SURNAMES = data.joinpath("surnames.txt").read_text(encoding="utf8").split("#")[0].split("\n")
SINGLE = [c for line in SURNAMES for c in line.strip() if line.strip() and " " not in line]
COMPOUND = [w for line in SURNAMES if " " in line for w in line.split()]
ORDINARY = set(data.joinpath("ordinary.txt").read_text(encoding="utf8").split())
TRANSLIT = set("".join(data.joinpath("transliteration.txt").read_text(encoding="utf8").split()))
FREQUENCY_MIN = 12
# Of words that begin as a name could.
NAMELIKE_FREQUENCY_MIN = 3
# Of words of five and six characters.
LONG_FREQUENCY_MIN = 100
NAMES = ("nr", "nrfg", "nrt")


def is_ideograph(character):
    return "\u4e00" <= character <= "\u9fff"


rows = [line.split() for line in site.joinpath("jieba/dict.txt").read_text(encoding="utf8").splitlines()]
rows = [(w, int(f), p) for w, f, p in rows if all(map(is_ideograph, w))]
singles = collections.Counter()
words, given, translit = {}, collections.defaultdict(lambda: [0, 0, 0]), collections.defaultdict(lambda: [0, 0, 0])
for word, frequency, pos in rows:
    if len(word) == 1:
        singles[word] += frequency
        continue
    surname = next((s for s in COMPOUND if word.startswith(s)), word[0] if word[0] in SINGLE else None)
    is_name = pos in ("nr", "nrfg") and surname and 2 <= len(word) <= 4 and word not in ORDINARY
    if is_name:
        rest = word[len(surname):]
        if len(rest) == 1:
            given[rest][0] += 1
        elif len(rest) == 2:
            given[rest[0]][1] += 1
            given[rest[1]][2] += 1
        continue
    foreign = pos == "nrt" or pos in ("nr", "nrfg")
    if foreign and word not in ORDINARY and 2 <= len(word) <= 6 and set(word) <= TRANSLIT:
        translit[word[0]][0] += 1
        translit[word[-1]][2] += 1
        for character in word[1:-1]:
            translit[character][1] += 1
        continue
    least = LONG_FREQUENCY_MIN if len(word) > 4 else NAMELIKE_FREQUENCY_MIN if word[0] in SINGLE and len(word) <= 3 else FREQUENCY_MIN
    doubtful = pos in NAMES and frequency < FREQUENCY_MIN
    if len(word) <= 6 and frequency >= least and not doubtful or word in ORDINARY:
        words[word] = (max(frequency, least), "n" if pos in NAMES else pos)
for word in (word for word in ORDINARY if len(word) <= 6):
    words.setdefault(word, (40, "n"))

with data.joinpath("words.tsv").open("w", encoding="utf8") as out:
    for word in sorted(words):
        out.write("%s\t%d\t%s\n" % (word, *words[word]))
with data.joinpath("characters.tsv").open("w", encoding="utf8") as out:
    for c in sorted(set(singles) | set(given) | set(translit)):
        counts = [singles[c], *given.get(c, [0] * 3), *translit.get(c, [0] * 3)]
        if any(counts):
            out.write(c + "\t" + "\t".join(map(str, counts)) + "\n")
pairs = [line.split("\t") for line in site.joinpath("opencc/dictionary/TSCharacters.txt").read_text(encoding="utf8").splitlines()]
pairs = [(t, s.split()[0]) for t, s in pairs]
with data.joinpath("traditional.tsv").open("w", encoding="utf8") as out:
    for t, s in pairs:
        if is_ideograph(t) and len(s) == 1 and is_ideograph(s) and t != s and t not in "乾著":
            out.write("%s\t%s\n" % (t, s))
print(len(words), "words", len(pairs), "pairs", len(given), "given", len(translit), "translit")
