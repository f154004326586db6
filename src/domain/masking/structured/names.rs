//! Names of fields as words: `cardNo`, `card_no` and `CARD-NO` are `card no`, and `sfzh` is what Chinese databases mean by it.

/// Names that are written in one piece, or by the first letters of their Chinese words, with the keyword that they mean.
const MEANINGS: &[(&str, &[&str])] = &[
    (
        "身份证号",
        &[
            "sfzh",
            "sfz",
            "sfzhm",
            "idno",
            "idnum",
            "idcard",
            "idcardno",
            "idnumber",
            "shenfenzheng",
            "cardid",
            "identity",
        ],
    ),
    ("证件号码", &["zjhm", "zjh", "certno", "certid", "certnum", "certificateno", "paperno", "documentno"]),
    (
        "银行卡号",
        &[
            "yhkh",
            "yhk",
            "kh",
            "kahao",
            "cardno",
            "cardnum",
            "cardnumber",
            "bankcard",
            "bankcardno",
            "bankno",
            "accno",
            "acctno",
            "accountno",
            "zhanghao",
            "zh",
            "pan",
        ],
    ),
    (
        "手机号",
        &[
            "sjh",
            "sjhm",
            "shouji",
            "shoujihao",
            "mobileno",
            "mobilephone",
            "mobilenumber",
            "phoneno",
            "phonenum",
            "phonenumber",
            "cellphone",
            "msisdn",
            "lxdh",
            "lxfs",
        ],
    ),
    ("电话", &["dh", "dianhua", "telno", "telphone", "telephone"]),
    ("邮箱", &["yx", "youxiang", "mailbox", "emailaddress", "emailaddr", "mailaddr"]),
    ("密码", &["mm", "mima", "passwd", "userpwd", "loginpwd", "userpassword"]),
    ("支付密码", &["zfmm", "paypwd", "paypassword", "tradepwd", "transpwd", "atmpin"]),
    ("验证码", &["yzm", "yanzhengma", "smscode", "verifycode", "vercode", "captcha", "authcode", "otpcode"]),
    ("cvv", &["cvv2", "cvc", "cvc2", "cvn2", "securitycode", "aqm"]),
    ("卡有效期", &["yxq", "expdate", "expirydate", "expiredate", "cardexp", "cardexpiry", "validthru"]),
    ("统一社会信用代码", &["tyshxydm", "xydm", "creditcode", "socialcreditcode", "uscc", "orgcode", "taxno"]),
    ("护照号", &["hzh", "hzhm", "huzhao", "passportno", "passportnum", "passportnumber"]),
    ("车牌号", &["cph", "chepai", "chepaihao", "plateno", "platenum", "platenumber", "licenseplate", "licenceplate"]),
    ("微信号", &["wx", "wxh", "weixin", "wechatid", "wechatno", "wxid"]),
    ("qq号", &["qqh", "qqno", "qqnum"]),
    ("出生日期", &["csrq", "csny", "birthdate", "dateofbirth", "birthdt", "dob"]),
    ("ip地址", &["ipaddr", "ipaddress", "clientip", "remoteip", "userip", "loginip"]),
    (
        "订单号",
        &["ddh", "orderno", "orderid", "ordersn", "tradeno", "serialno", "lsh", "traceid", "requestid", "outtradeno"],
    ),
];

/// Names of members that say what their siblings are.
const LABELS: &[&str] =
    &["label", "name", "type", "key", "title", "field", "question", "q", "标签", "名称", "类型", "字段", "问题"];

/// Says whether a member of this name, given in words, says what its siblings are.
pub(super) fn is_label(words: &str) -> bool {
    LABELS.contains(&words)
}

/// The words of a name. One that is masked says nothing.
pub(super) fn words(name: &str) -> String {
    if name.starts_with(['[', '<']) && name.ends_with([']', '>']) {
        return String::new();
    }
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    match MEANINGS.iter().find(|(_, names)| names.contains(&plain.as_str())) {
        Some((meaning, _)) => (*meaning).to_owned(),
        None => split(name),
    }
}

/// Splits at capitals and at what is neither letter nor digit.
fn split(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut was_small = false;
    for character in name.chars() {
        let joins = !character.is_alphanumeric();
        if (joins || (character.is_uppercase() && was_small)) && !words.ends_with(' ') && !words.is_empty() {
            words.push(' ');
        }
        if !joins {
            words.extend(character.to_lowercase());
        }
        was_small = character.is_lowercase() || character.is_ascii_digit();
    }
    words.truncate(words.trim_end().len());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_the_words_that_people_would_say() {
        for (name, expected) in [
            ("card_no", "银行卡号"),
            ("cardNo", "银行卡号"),
            ("bankCardHolderPhone", "bank card holder phone"),
            ("ID-CARD", "身份证号"),
            ("客户手机", "客户手机"),
            ("sfzh", "身份证号"),
            ("order.no", "订单号"),
            ("user[mobile]", "user mobile"),
            ("[password]", ""),
            ("", ""),
            ("__", ""),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }
}
