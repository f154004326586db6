"""Made-up values of every entity that the engine knows: right check digits, nobody's numbers.

Faker makes names, mail addresses and IP addresses; check digits are computed here by each issuer's published rule, in
another language and by another way than the engine's, so that both must be right for a value to be found.
"""

import hashlib
import string

UPPER = string.ascii_uppercase
PROVINCES = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65".split()
SEGMENTS = (
    "130 131 132 133 135 136 137 138 139 147 150 151 152 153 155 156 157 158 159 166 170 171 172 173 175 176 177 178 180 181 182 183 "
    "184 185 186 187 188 189 191 193 195 198 199"
).split()
# Prefix and length: 16 to 19 digits as Chinese banks issue them, and the international schemes.
CARDS = [
    ("622202", 19), ("621226", 19), ("622848", 19), ("621700", 19), ("622700", 19), ("621661", 19), ("622588", 16),
    ("621483", 16), ("622908", 18), ("625910", 16), ("620062", 17), ("623668", 19), ("4392", 16), ("4514", 16), ("5187", 16),
    ("5522", 16), ("3562", 16), ("3764", 15), ("3600", 14), ("6011", 16),
]
AREAS = [("010", 8), ("021", 8), ("022", 8), ("028", 8), ("0731", 8), ("0512", 8), ("0531", 8), ("0591", 8), ("0351", 7), ("0971", 7)]
BANKS = "BKCH ICBK PCBC ABOC COMM CMBC CIBK HSBC SCBL DEUT BNPA UBSW CITI CHAS BARC MIDL INGB UNCR".split()
PLACES = [("CN", "BJ"), ("CN", "SH"), ("HK", "HH"), ("SG", "SG"), ("GB", "2L"), ("US", "33"), ("DE", "FF"), ("FR", "PP"), ("CH", "ZZ")]


class Values:
    """Makes values with one source of randomness."""

    def __init__(self, random, zh, en):
        self.random, self.zh, self.en = random, zh, en
        names = [name for name in dir(self) if name.startswith("of_")]
        self.kinds = {getattr(self, name).__doc__: getattr(self, name) for name in names}

    def of(self, entity):
        return self.kinds[entity]()

    def digits(self, count):
        return "".join(self.random.choice("0123456789") for _ in range(count))

    def pick(self, items):
        return self.random.choice(items)

    def between(self, low, high):
        return self.random.randint(low, high)

    def until(self, make, is_one):
        while True:
            value = make()
            if is_one(value):
                return value

    # ---- the mainland

    def of_id_card(self):
        """cn.id_card"""
        body = f"{self.pick(PROVINCES)}{self.between(1, 30):02}{self.between(1, 30):02}{self.between(1945, 2012)}{self.between(1, 12):02}{self.between(1, 28):02}"
        body += self.digits(3)
        remainder = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body)) % 11
        return body + "10X98765432"[remainder]

    def of_bank_card(self):
        """cn.bank_card"""
        prefix, length = self.pick(CARDS)
        body = prefix + self.digits(length - 1 - len(prefix))
        return next(body + digit for digit in "0123456789" if luhn(body + digit))

    def of_mobile(self):
        """cn.mobile"""
        return self.pick(SEGMENTS) + self.digits(8)

    def of_landline(self):
        """cn.landline"""
        area, length = self.pick(AREAS)
        return f"{area}-{self.between(2, 8)}{self.digits(length - 1)}"

    def of_email(self):
        """email"""
        return self.pick([self.zh, self.en]).ascii_email()

    def of_credit_code(self):
        """cn.credit_code"""
        alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
        body = f"91{self.pick(PROVINCES)}{self.between(1, 30):02}{self.between(1, 30):02}"
        body += "".join(self.pick(alphabet) for _ in range(9))
        total = sum(alphabet.index(character) * pow(3, place, 31) for place, character in enumerate(body))
        return body + alphabet[-total % 31]

    def of_iban(self):
        """iban"""
        letters = "".join(self.pick(UPPER) for _ in range(4))
        country, account = self.pick(
            [("DE", self.digits(18)), ("GB", letters + self.digits(14)), ("FR", self.digits(23)), ("NL", letters + self.digits(10)),
             ("CH", self.digits(17)), ("ES", self.digits(20)), ("IT", "X" + self.digits(22))]
        )
        number = int("".join(str(int(character, 36)) for character in account + country + "00"))
        return f"{country}{98 - number % 97:02}{account}"

    def of_hm_permit(self):
        """cn.hm_permit"""
        return self.pick("HMC") + self.digits(8)

    def of_tw_permit(self):
        """cn.tw_permit"""
        return self.pick("345678") + self.digits(7)

    def of_plate(self):
        """cn.plate"""
        province = self.pick("京沪粤浙苏川鄂湘鲁豫冀辽闽皖赣渝津陕晋云贵桂琼")
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
        if self.random.random() < 0.4:
            return province + self.pick("ABCDE") + self.pick("DF") + self.digits(5)
        body = self.until(
            lambda: "".join(self.pick(letters) if self.random.random() < 0.25 else self.pick("0123456789") for _ in range(5)),
            lambda body: sum(character.isdigit() for character in body) >= 3,
        )
        return province + self.pick("ABCDEFGH") + body

    def of_passport(self):
        """passport"""
        prefix, count = self.pick([("E", 8), ("G", 8), ("EA", 7), ("EH", 7), ("EJ", 7)])
        return prefix + self.digits(count)

    # ---- secrets

    def of_cvv(self):
        """card.cvv"""
        return self.digits(3)

    def of_pin(self):
        """card.pin"""
        return self.digits(6)

    def of_expiry(self):
        """card.expiry"""
        return f"{self.between(1, 12):02}/{self.between(26, 33)}"

    def of_password(self):
        """auth.password"""
        word = self.pick(["Sunny", "dragon", "Xiaomi", "lucky", "Beijing", "qwert", "hello", "Panda"])
        return word + self.pick(["@", "#", "_", "!", ""]) + self.digits(self.between(3, 5))

    def of_otp(self):
        """auth.otp"""
        return self.digits(6)

    # ---- banks, machines, coins, accounts elsewhere

    def of_swift(self):
        """swift"""
        country, place = self.pick(PLACES)
        return self.pick(BANKS) + country + place + self.pick(["", "", "XXX", "110", "3AA"])

    def of_ip(self):
        """ip"""
        public = lambda address: address.count(".") == 3 and sum(c.isdigit() for c in address) >= 8 and int(address.split(".")[0]) < 224
        return self.until(self.en.ipv4_public, public)

    def of_mac(self):
        """mac"""
        return self.en.mac_address()

    def of_imei(self):
        """imei"""
        body = "86" + self.digits(12)
        return next(body + digit for digit in "0123456789" if luhn(body + digit))

    def of_btc(self):
        """crypto.btc"""
        alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
        body = bytes([self.pick([0, 5])]) + self.random.randbytes(20)
        body += hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4]
        number, text = int.from_bytes(body, "big"), ""
        while number:
            number, rest = divmod(number, 58)
            text = alphabet[rest] + text
        return "1" * (len(body) - len(body.lstrip(b"\0"))) + text

    def of_eth(self):
        """crypto.eth"""
        return "0x" + self.random.randbytes(20).hex()

    def of_wechat(self):
        """im.wechat"""
        return self.pick(["zhang", "li_", "wx_", "happy", "cat", "moon-", "Tom"]) + self.pick(["", "mao", "xin"]) + self.digits(self.between(3, 6))

    def of_qq(self):
        """im.qq"""
        return self.pick("123456789") + self.digits(self.between(5, 9))

    # ---- other states

    def of_hk(self):
        """hk.id_card"""
        letter, body = self.pick(UPPER), self.digits(6)
        total = 36 * 9 + (ord(letter) - 55) * 8 + sum(int(digit) * (7 - place) for place, digit in enumerate(body))
        return f"{letter}{body}({'0123456789A'[-total % 11]})"

    def of_macau(self):
        """mo.id_card"""
        return f"{self.pick('157')}{self.digits(6)}({self.digits(1)})"

    def of_taiwan(self):
        """tw.id_card"""
        letters = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36)))
        letter, body = self.pick(sorted(letters)), self.pick("12") + self.digits(7)
        code = letters[letter]
        total = code // 10 + code % 10 * 9 + sum(int(digit) * (8 - place) for place, digit in enumerate(body))
        return letter + body + str(-total % 10)

    def of_singapore(self):
        """sg.nric"""
        series, body = self.pick("STFG"), self.digits(7)
        total = sum(int(digit) * weight for digit, weight in zip(body, (2, 7, 6, 5, 4, 3, 2))) + (4 if series in "TG" else 0)
        return series + body + ("JZIHGFEDCBA" if series in "ST" else "XWUTRQPNMLK")[total % 11]

    def date6(self):
        return f"{self.between(40, 99)}{self.between(1, 12):02}{self.between(1, 28):02}"

    def of_malaysia(self):
        """my.nric"""
        return f"{self.date6()}-{self.between(1, 14):02}-{self.digits(4)}"

    def of_thailand(self):
        """th.id_card"""
        body = self.pick("12345") + self.digits(11)
        check = (11 - sum(int(digit) * (13 - place) for place, digit in enumerate(body)) % 11) % 10
        return f"{body[0]}-{body[1:5]}-{body[5:10]}-{body[10:]}-{check}"

    def of_vietnam(self):
        """vn.id_card"""
        return f"0{self.between(10, 96)}{self.between(0, 3)}{self.between(50, 99)}{self.digits(6)}"

    def of_korea(self):
        """kr.rrn"""
        body = self.date6() + self.pick("12") + self.digits(5)
        total = sum(int(digit) * weight for digit, weight in zip(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)))
        return f"{body[:6]}-{body[6:]}{(11 - total % 11) % 10}"

    def of_japan(self):
        """jp.my_number"""
        body = self.pick("123456789") + self.digits(10)
        rest = sum(int(digit) * weight for digit, weight in zip(body, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2))) % 11
        return body + str(0 if rest < 2 else 11 - rest)

    def of_aadhaar(self):
        """in.aadhaar"""
        body = self.pick("23456789") + self.digits(10)
        whole = next(body + digit for digit in "0123456789" if verhoeff(body + digit))
        return f"{whole[:4]} {whole[4:8]} {whole[8:]}"

    def of_pan(self):
        """in.pan"""
        letters = lambda count: "".join(self.pick(UPPER) for _ in range(count))
        return letters(3) + self.pick("PCHF") + letters(1) + self.digits(4) + letters(1)

    def of_ssn(self):
        """us.ssn"""
        return f"{self.pick([*range(1, 666), *range(667, 900)]):03}-{self.between(1, 99):02}-{self.between(1, 9999):04}"

    def of_sin(self):
        """ca.sin"""
        body = self.pick("1234567") + self.digits(7)
        whole = next(body + digit for digit in "0123456789" if luhn(body + digit))
        return f"{whole[:3]} {whole[3:6]} {whole[6:]}"

    def of_nhs(self):
        """uk.nhs"""
        def check(body):
            return (11 - sum(int(digit) * (10 - place) for place, digit in enumerate(body)) % 11) % 11
        body = self.until(lambda: self.pick("4567") + self.digits(8), lambda body: check(body) < 10)
        return f"{body[:3]} {body[3:6]} {body[6:]}{check(body)}"

    def of_nino(self):
        """uk.nino"""
        return self.pick(["AB", "CE", "HJ", "JM", "LR", "PX", "SW", "YZ"]) + self.digits(6) + self.pick("ABCD")

    def of_nie(self):
        """es.nie"""
        series, body = self.pick("XYZ"), self.digits(7)
        return series + body + "TRWAGMYFPDXBNJZSQVHLCKE"[int(str("XYZ".index(series)) + body) % 23]

    def of_dni(self):
        """es.dni"""
        body = self.digits(8)
        return body + "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23]

    def of_nir(self):
        """fr.nir"""
        body = f"{self.pick('12')}{self.between(40, 99)}{self.between(1, 12):02}{self.between(1, 95):02}{self.between(1, 900):03}{self.between(1, 900):03}"
        return f"{body}{97 - int(body) % 97:02}"

    def of_german(self):
        """de.tax_id"""
        def body():
            digits = self.random.sample("0123456789", 9)
            digits.insert(self.between(0, 9), self.pick(digits))
            return "".join(digits)
        body = self.until(body, lambda body: body[0] != "0")
        product = 10
        for digit in body:
            total = (int(digit) + product) % 10 or 10
            product = total * 2 % 11
        return body + str((11 - product) % 10)

    def of_fiscal(self):
        """it.fiscal_code"""
        odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
        consonants = "BCDFGLMNPRSTV"
        body = "".join(self.pick(consonants) for _ in range(6)) + f"{self.between(40, 99)}{self.pick('ABCDEHLMPRST')}{self.between(1, 28):02}"
        body += self.pick("ABCDEFGHILM") + f"{self.between(1, 999):03}"
        place = lambda character: int(character) if character.isdigit() else ord(character) - 65
        total = sum(place(character) if at % 2 else odd[place(character)] for at, character in enumerate(body))
        return body + UPPER[total % 26]

    def of_bsn(self):
        """nl.bsn"""
        check = lambda body: sum(int(digit) * (9 - place) for place, digit in enumerate(body)) % 11
        body = self.until(lambda: self.pick("12345") + self.digits(7), lambda body: check(body) < 10)
        return body + str(check(body))

    def of_ahv(self):
        """ch.ahv"""
        body = "756" + self.digits(9)
        check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body)) % 10
        return f"756.{body[3:7]}.{body[7:11]}.{body[11]}{check}"

    def of_pesel(self):
        """pl.pesel"""
        body = self.date6() + self.digits(4)
        check = -sum(int(digit) * (1, 3, 7, 9)[place % 4] for place, digit in enumerate(body)) % 10
        return body + str(check)

    def of_cpf(self):
        """br.cpf"""
        body = self.digits(9)
        for first in (10, 11):
            rest = sum(int(digit) * (first - place) for place, digit in enumerate(body)) * 10 % 11 % 10
            body += str(rest)
        return f"{body[:3]}.{body[3:6]}.{body[6:9]}-{body[9:]}"

    def of_tfn(self):
        """au.tfn"""
        weights = (1, 4, 3, 7, 5, 8, 6, 9, 10)
        is_one = lambda whole: sum(int(digit) * weight for digit, weight in zip(whole, weights)) % 11 == 0
        return self.until(lambda: self.pick("123456789") + self.digits(8), is_one)


def luhn(digits):
    return sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(reversed(digits))) % 10 == 0


def verhoeff(digits):
    """By the tables that the dihedral group of order ten has."""
    turn = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = turn[value]
        left, right = divmod(total, 5), divmod(value, 5)
        side, step = left[0] ^ right[0], (left[1] + (-right[1] if left[0] else right[1])) % 5
        total = side * 5 + step
    return total == 0
