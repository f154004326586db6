"""The ways in which people write digits so that no program finds them; each takes a value and the source of randomness."""

SCRIPTS = {
    "full width": "０１２３４５６７８９",
    "circled": "⓪①②③④⑤⑥⑦⑧⑨",
    "negative circled": "⓿❶❷❸❹❺❻❼❽❾",
    "superscript": "⁰¹²³⁴⁵⁶⁷⁸⁹",
    "mathematical": "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
    "Chinese": "零一二三四五六七八九",
    "Chinese, spoken": "〇幺二三四五六七八九",
    "Chinese, financial": "零壹贰叁肆伍陆柒捌玖",
}


def script(digits):
    return lambda value, random: "".join(digits[int(c)] if c in "0123456789" else c for c in value)


def mixed(value, random):
    rows = ["0123456789", *SCRIPTS.values()]
    return "".join(random.choice(rows)[int(c)] if c in "0123456789" else c for c in value)


def keycap(value, random):
    return "".join(c + "\ufe0f\u20e3" if c in "0123456789" else c for c in value)


def between(separator):
    """Between all characters; what separates already is left out."""
    return lambda value, random: separator.join(c for c in value if c.isalnum() or c in "@_")


def groups(separator):
    def write(value, random):
        plain = "".join(c for c in value if c.isalnum())
        first = 3 if len(plain) == 11 else 4
        return separator.join([plain[:first], *(plain[at:at + 4] for at in range(first, len(plain), 4))])
    return write


def lookalike(value, random):
    places = [at for at, c in enumerate(value) if c in "01"]
    chosen = set(random.sample(places, min(2, len(places))))
    return "".join({"0": random.choice("oO"), "1": random.choice("lI")}[c] if at in chosen else c for at, c in enumerate(value))


DISGUISES = {
    **{name: script(digits) for name, digits in SCRIPTS.items()},
    "mixed": mixed,
    "keycap": keycap,
    "spaces": between(" "),
    "dashes": between("-"),
    "dots": between("."),
    "middle dots, grouped": groups("·"),
    "spaces, grouped": groups(" "),
    "commas, grouped": groups("，"),
    "emoji, grouped": groups("😊"),
    "zero width": between("\u200b"),
    "variation selectors": between("\ufe0f"),
    "look-alikes": lookalike,
}

# Values that only digits make up can be written in any way.
NUMBERS = (
    "cn.bank_card cn.mobile cn.landline cn.id_card card.cvv card.pin auth.otp im.qq cn.tw_permit imei jp.my_number de.tax_id nl.bsn pl.pesel au.tfn "
    "br.cpf th.id_card kr.rrn in.aadhaar us.ssn ca.sin uk.nhs fr.nir ch.ahv my.nric vn.id_card mo.id_card"
).split()
# Letters with digits: their digits in another script, or characters that nobody sees.
LETTERED = "cn.credit_code iban cn.hm_permit passport cn.plate hk.id_card tw.id_card sg.nric uk.nino es.nie es.dni it.fiscal_code in.pan swift".split()
FOR_LETTERED = ["full width", "circled", "superscript", "mathematical", "Chinese", "keycap", "zero width", "variation selectors", "spaces, grouped"]
# Secrets are too short for groups.
SHORT = "card.cvv card.pin auth.otp".split()
NOT_FOR_SHORT = ["middle dots, grouped", "spaces, grouped", "commas, grouped", "emoji, grouped", "look-alikes"]


def of(entity):
    """The disguises that values of an entity are written in."""
    if entity in NUMBERS:
        return [name for name in DISGUISES if entity not in SHORT or name not in NOT_FOR_SHORT]
    return FOR_LETTERED if entity in LETTERED else []
