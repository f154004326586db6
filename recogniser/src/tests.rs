//! What the recogniser finds, and what it leaves alone, by example: sentences of many registers, none of them learnt from.

use crate::{Found, Kind, RECOGNISER, WEIGHTS, chinese, model::Model};

/// The finds of a kind that are at least so sure.
fn found(text: &str, kind: Kind, least: u8) -> Vec<String> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    RECOGNISER.find(text, &[], &mut |Found { bytes, kind: is, confidence }| {
        if is == kind && confidence >= least {
            ranges.push(bytes);
        }
    });
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup();
    ranges.into_iter().map(|range| text[range].to_owned()).collect()
}

fn check(text: &str, kind: Kind, expect: &[&str]) {
    let least = if kind == Kind::Name { 55 } else { 60 };
    assert_eq!(found(text, kind, least), expect, "{text}");
}

#[test]
fn the_model_that_is_shipped_can_be_read() {
    let model = Model::read(WEIGHTS).ok().unwrap();
    assert_eq!(
        model.character(u16::try_from(u32::from('張')).unwrap()).simplified,
        u16::try_from(u32::from('张')).unwrap()
    );
    assert!(WEIGHTS.len() < 2 << 20);
    for damaged in [&WEIGHTS[1..], &WEIGHTS[..WEIGHTS.len() - 1], &[WEIGHTS, b"x"].concat()] {
        assert!(Model::read(damaged).is_err());
    }
}

#[test]
fn names_are_found_in_many_registers() {
    for (text, expect) in [
        ("我叫李建国，昨天在你们支行办的卡", &["李建国"][..]),
        ("麻烦把钱转给王秀英，谢谢", &["王秀英"]),
        ("户名：陈晓东，卡号稍后发", &["陈晓东"]),
        ("收件人 赵敏 电话稍后给", &["赵敏"]),
        ("客户经理刘志强说可以免年费", &["刘志强"]),
        ("我要投诉柜员周丽华，态度非常差", &["周丽华"]),
        ("董事长马俊峰表示，公司今年将扩大投资", &["马俊峰"]),
        ("记者孙浩报道", &["孙浩"]),
        ("张伟、李娜和王芳都签了字", &["张伟", "李娜", "王芳"]),
        ("我太太欧阳雪梅是主卡持卡人", &["欧阳雪梅"]),
        ("主教练穆里尼奥在赛后表示满意", &["穆里尼奥"]),
        ("申请人：林徽音", &["林徽音"]),
        ("My name is John Smith and I lost my card", &["John Smith"]),
        ("Dear Mr. Pemberton, thank you", &["Pemberton"]),
        ("Please ask Emily Clark to call me back", &["Emily Clark"]),
        ("the cardholder is Zhang Xiaoming", &["Zhang Xiaoming"]),
        ("hi, i'm calling because my name is john smith", &["john smith"]),
    ] {
        check(text, Kind::Name, expect);
    }
}

#[test]
fn disguised_names_are_found() {
    for (text, expect) in [
        ("我叫张 三 丰", &["张 三 丰"][..]),
        ("姓名：李.建.国", &["李.建.国"]),
        ("我叫王\u{200B}秀\u{200B}英，你好", &["王\u{200B}秀\u{200B}英"]),
        ("收款人：陳曉東", &["陳曉東"]),
        ("聯繫人歐陽志遠", &["歐陽志遠"]),
        ("My name is Ｊｏｈｎ Ｓｍｉｔｈ", &["Ｊｏｈｎ Ｓｍｉｔｈ"]),
    ] {
        check(text, Kind::Name, expect);
    }
}

#[test]
fn what_only_looks_like_a_name_stays() {
    for text in [
        "王者荣耀充值没有到账",
        "高兴得马上订了票",
        "周末去张家口滑雪",
        "黄金和白银今天的价格",
        "金额不对，方便的话查一下",
        "安全起见先冻结，时间不多了",
        "经理说明天上午处理",
        "于是我又申请了一遍",
        "任何人不得代办",
        "康师傅和老干妈都涨价了",
        "上海银行的利率比平安银行高",
        "王先生您好，李女士在吗",
        "成都的网点周日营业吗",
        "I am very happy with Visa and Apple Pay",
        "This is ridiculous, please refund my order today",
        "May I ask when the card will arrive in March",
    ] {
        check(text, Kind::Name, &[]);
    }
}

#[test]
fn addresses_are_found_and_places_are_none() {
    for (text, expect) in [
        ("寄到北京市朝阳区建国路88号院3号楼1201室", &["北京市朝阳区建国路88号院3号楼1201室"][..]),
        ("我住在上海市浦东新区世纪大道100号", &["上海市浦东新区世纪大道100号"]),
        ("地址：广东省深圳市南山区科技园南区5栋602", &["广东省深圳市南山区科技园南区5栋602"]),
        ("家在解放路12号3单元501室", &["解放路12号3单元501室"]),
        ("浙江省杭州市西湖区文三路阳光花园2幢", &["浙江省杭州市西湖区文三路阳光花园2幢"]),
        ("I live at 221B Baker Street, London", &["221B Baker Street, London"]),
        (
            "Ship to 1600 Amphitheatre Parkway, Mountain View, CA 94043 please",
            &["1600 Amphitheatre Parkway, Mountain View, CA 94043"],
        ),
        (
            "our office: Room 1201, Building 3, No. 88 Jianguo Road, Chaoyang District, Beijing",
            &["Room 1201, Building 3, No. 88 Jianguo Road, Chaoyang District, Beijing"],
        ),
    ] {
        check(text, Kind::Address, expect);
    }
    for text in [
        "上海银行在北京开了分行",
        "我下周去杭州出差",
        "5月8号之前还款",
        "三号线地铁很挤",
        "在路上了，马上到",
        "Wall Street is nervous",
        "2 of my cards are lost",
        "市场价格和利率",
    ] {
        check(text, Kind::Address, &[]);
    }
}

#[test]
fn what_is_masked_is_passed_over_and_what_a_mask_leaves_is_none() {
    for text in
        ["我叫张**，你好", "寄到北京市朝阳区******", "Dear J*********,", "[name]说[address]", "<NAME_1>和<NAME_2>"]
    {
        assert_eq!(found(text, Kind::Name, 1), [""; 0], "{text}");
        assert_eq!(found(text, Kind::Address, 50), [""; 0], "{text}");
    }
    let text = "我叫张三丰，他叫李建国";
    let hidden = text.find("张三丰").unwrap();
    let mut names = Vec::new();
    RECOGNISER
        .find(text, std::slice::from_ref(&(hidden..hidden + 9)), &mut |find| names.push(text[find.bytes].to_owned()));
    assert_eq!(names, ["李建国"]);
}

#[test]
fn a_flood_of_anything_takes_linear_work() {
    let windows = |text: &str| {
        let (mut windows, mut units) = (0, 0);
        let model = Model::read(WEIGHTS).ok().unwrap();
        super::window::each(&model, text, &[], |window| {
            windows += 1;
            units += window.units().len();
        });
        (windows, units)
    };
    for piece in ["张", "斯", "张三丰", "张 三 ", "克·", "我"] {
        let text = piece.repeat((1 << 18) / piece.len());
        let characters = text.chars().count();
        let (count, units) = windows(&text);
        assert!(
            units <= characters * 2 && count <= characters / 40 + 2,
            "{piece}: {count} windows, {units} ideographs"
        );
        let part = text.get(..text.floor_char_boundary(1 << 13)).unwrap();
        RECOGNISER.find(part, &[], &mut |find| assert!(part.get(find.bytes).is_some()));
    }
    for piece in ["John ", "12 ", "a", "Mr. ", "北京市", "1号", "A-"] {
        let text = piece.repeat((1 << 15) / piece.len());
        RECOGNISER.find(&text, &[], &mut |find| assert!(text.get(find.bytes).is_some()));
    }
}

#[test]
fn a_long_run_without_punctuation_loses_no_name_at_its_cuts() {
    let model = Model::read(WEIGHTS).ok().unwrap();
    for before in 60..130 {
        let text = format!("{}我叫李建国", "这是很好的服务".repeat(20).chars().take(before).collect::<String>());
        let mut names = Vec::new();
        chinese::find(&model, &text, &[], |name| names.push(text[name.bytes].to_owned()));
        assert!(names.contains(&"李建国".to_owned()), "{before}: {names:?}");
    }
}
