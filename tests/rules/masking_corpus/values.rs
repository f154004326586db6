//! Made-up values of every entity: right check digits, nobody's numbers.

use super::random::Random;
use liaowaiwai::domain::masking::Entity;

/// Makes a value of an entity in its plain form.
pub fn value(entity: Entity, random: &mut Random) -> String {
    match entity {
        Entity::IdCard if random.below(5) == 0 => id_fifteen(random),
        Entity::IdCard => id_eighteen(random),
        Entity::BankCard => bank_card(random),
        Entity::Mobile => mobile(random),
        Entity::Landline => landline(random),
        Entity::Email => email(random),
        Entity::CreditCode => credit_code(random),
        Entity::Iban => iban(random),
        Entity::Cvv => {
            let count = random.between(3, 4);
            random.digits(count)
        }
        Entity::Pin => random.digits(6),
        Entity::Expiry => format!("{:02}/{}", random.between(1, 12), random.between(25, 34)),
        Entity::Password => password(random),
        Entity::OneTimeCode => {
            let count = random.pick(&[&4, &6, &6, &6, &8]).to_owned();
            random.digits(count)
        }
        Entity::HkMacauPermit => random.pick(&["H", "M", "C"]).to_owned() + &random.digits(8),
        Entity::TaiwanPermit => random.pick(&["3", "5", "6", "7"]).to_owned() + &random.digits(7),
        Entity::Plate => plate(random),
        Entity::Passport => {
            let (prefix, count) = *random.pick(&[&("E", 8), &("G", 8), &("EA", 7), &("EH", 7)]);
            prefix.to_owned() + &random.digits(count)
        }
        Entity::Ip => {
            let mut part = || random.between(11, 223);
            let (first, second, third) = (part(), part(), part());
            let first = if matches!(first, 100 | 127 | 169 | 172 | 192) { 203 } else { first };
            format!("{first}.{second}.{third}.{}", random.between(1, 254))
        }
        Entity::WeChat => {
            let count = random.between(3, 6);
            random.pick(&["zhang_", "li", "wx-", "Tom", "happy"]).to_owned() + "x" + &random.digits(count)
        }
        Entity::Qq => {
            let count = random.between(5, 9);
            random.pick(&["1", "5", "8"]).to_owned() + &random.digits(count)
        }
        Entity::Amount => format!("{}.{:02}元", random.between(10, 99_999), random.between(0, 99)),
        Entity::BirthDate => {
            format!("{}-{:02}-{:02}", random.between(1930, 2015), random.between(1, 12), random.between(1, 28))
        }
        sampled => sample(sampled, random),
    }
}

/// One of the values that an independent generator made (`benches/corpus/values.py`).
fn sample(entity: Entity, random: &mut Random) -> String {
    let line =
        include_str!("samples.tsv").lines().find(|line| line.split('\t').next() == Some(entity.as_str())).unwrap();
    let values: Vec<&str> = line.split('\t').skip(1).collect();
    random.pick(&values).to_owned()
}

fn plate(random: &mut Random) -> String {
    let province = random.pick(&["京", "沪", "粤", "川", "鄂", "新", "云", "琼"]).to_owned();
    let city = random.pick(&["A", "B", "C", "E"]);
    match random.below(3) {
        0 => format!("{province}{city}{}{}", random.pick(&["D", "F"]), random.digits(5)),
        1 => format!("{province}{city}{}", random.digits(5)),
        _ => format!("{province}{city}{}{}{}", random.digits(2), random.pick(&["K", "M", "X"]), random.digits(2)),
    }
}

const PROVINCES: [&str; 31] = [
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44",
    "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65",
];

fn region(random: &mut Random) -> String {
    format!("{}{:02}{:02}", random.pick(&PROVINCES), random.between(0, 30), random.between(0, 30))
}

fn id_eighteen(random: &mut Random) -> String {
    let date = format!("{}{:02}{:02}", random.between(1930, 2020), random.between(1, 12), random.between(1, 28));
    let body = region(random) + &date + &random.digits(3);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: usize = body.bytes().zip(weights).map(|(digit, weight)| usize::from(digit - b'0') * weight).sum();
    body + &"10X98765432"[sum % 11..=sum % 11]
}

fn id_fifteen(random: &mut Random) -> String {
    let date = format!("{:02}{:02}{:02}", random.between(30, 99), random.between(1, 12), random.between(1, 28));
    region(random) + &date + &random.digits(3)
}

fn bank_card(random: &mut Random) -> String {
    let (prefix, length) = *random.pick(&[
        &("622202", 19),
        &("621700", 19),
        &("622848", 19),
        &("625912", 16),
        &("623058", 19),
        &("621483", 16),
        &("622588", 16),
        &("4367", 16),
        &("5187", 16),
        &("4", 16),
        &("53", 16),
        &("3568", 16),
        &("955880", 19),
        &("37", 15),
        &("6230", 18),
    ]);
    let body = prefix.to_owned() + &random.digits(length - 1 - prefix.len());
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let doubled = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
            doubled / 10 + doubled % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn mobile(random: &mut Random) -> String {
    let segment = random.pick(&[
        "130", "131", "132", "133", "134", "135", "136", "137", "138", "139", "145", "147", "149", "150", "151", "152",
        "153", "155", "156", "157", "158", "159", "162", "165", "166", "167", "170", "171", "173", "175", "176", "177",
        "178", "180", "181", "182", "183", "184", "185", "186", "187", "188", "189", "190", "191", "192", "193", "195",
        "196", "197", "198", "199",
    ]);
    segment.to_owned() + &random.digits(8)
}

fn landline(random: &mut Random) -> String {
    let (area, length) = *random.pick(&[
        &("010", 8),
        &("021", 8),
        &("020", 8),
        &("0755", 8),
        &("0571", 8),
        &("0312", 7),
        &("0451", 8),
        &("0898", 8),
        &("0991", 7),
    ]);
    format!("{area}-{}{}", random.between(2, 8), random.digits(length - 1))
}

fn email(random: &mut Random) -> String {
    let count = random.between(3, 9);
    let name = random.letters(count, "abcdefghijklmnopqrstuvwxyz");
    let middle = match random.below(3) {
        0 => String::new(),
        1 => random.digits(3),
        _ => format!(".{}", random.letters(3, "xyz")),
    };
    format!(
        "{name}{middle}@{}",
        random.pick(&["qq.com", "163.com", "gmail.com", "example.com.cn", "sina.cn", "bank-of-x.org"])
    )
}

fn credit_code(random: &mut Random) -> String {
    let alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let body = format!("9{}{}{}", random.pick(&["1", "2", "3"]), region(random), random.letters(9, alphabet));
    let weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
    let sum: usize = body.chars().zip(weights).map(|(c, weight)| alphabet.find(c).unwrap() * weight).sum();
    let check = (31 - sum % 31) % 31;
    body + &alphabet[check..=check]
}

fn iban(random: &mut Random) -> String {
    let (country, account) = match random.below(3) {
        0 => ("DE", random.digits(18)),
        1 => ("GB", random.letters(4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") + &random.digits(14)),
        _ => ("FR", random.digits(23)),
    };
    let check = |digits: &str| {
        (account.clone() + country + digits).chars().fold(0, |sum, c| {
            let value = c.to_digit(36).unwrap();
            (sum * if value < 10 { 10 } else { 100 } + value) % 97
        })
    };
    let digits = format!("{:02}", 98 - check("00"));
    assert_eq!(check(&digits), 1);
    format!("{country}{digits}{account}")
}

fn password(random: &mut Random) -> String {
    let (head, count) = (random.between(3, 7), random.between(2, 5));
    let word = random.letters(head, "abcdefghkmnpqrstuvwxyzABCDEFGHKMNPQRSTUVWXYZ");
    let sign = random.pick(&["", "@", "#", "_", "$"]);
    word + sign + &random.digits(count)
}
