//! Messages that hold nothing sensitive, and many things that look as if.

use super::random::Random;

/// Ordinary messages without numbers of interest.
const ORDINARY: &[&str] = &[
    "您好，请问一下这个套餐怎么办理？",
    "三十六个月分期手续费是多少",
    "好的，谢谢，麻烦您了",
    "王者荣耀充值不到账怎么办",
    "我一二三四遍都说了，还没有解决",
    "第一次办理，需要带什么材料吗",
    "忘记密码怎么办",
    "验证码收不到啊",
    "请问网点几点下班？周六日上班吗",
    "I can't log in, please help",
    "The app says my password is wrong, what now?",
    "how long does a refund take? ill wait",
    "信用卡额度能不能提高一些",
    "两万五千八百元什么时候到账",
    "一心一意为客户服务，五湖四海皆朋友",
    "我的卡丢了，怎么挂失",
    "银行卡密码输错了会锁卡吗",
    "什么是安全码？在哪里看",
    "请不要告诉别人您的验证码",
    "The code did not arrive, can you resend it?",
    "oil is so cool",
    "一二三四五，上山打老虎",
    "您的反馈已经收到，我们会尽快处理[微笑]",
    "有没有人工客服？转人工转人工",
    "email me later at the office",
];

/// Makes a clean message.
pub fn message(random: &mut Random) -> String {
    let year = random.between(2019, 2027);
    let (month, day) = (random.between(1, 12), random.between(1, 28));
    let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
    let amount = random.between(1, 999_999);
    let stamp = format!("{year}{month:02}{day:02}{hour:02}{minute:02}{second:02}");
    match random.below(30) {
        0 => format!("订单号{stamp}{}什么时候发货", random.digits(4)),
        1 => format!("订单{}还没到", {
            let n = random.between(10, 20);
            random.digits(n)
        }),
        2 => format!("快递单号SF{}查一下", random.digits(13)),
        3 => format!("运单号：{}", {
            let n = random.between(12, 15);
            random.digits(n)
        }),
        4 => format!("流水号 {stamp}{}", random.digits(6)),
        5 => format!("My order number is {}, where is it?", {
            let n = random.between(9, 19);
            random.digits(n)
        }),
        6 => format!("时间戳17{}", random.digits(11)),
        7 => format!("17{} 这是日志里的时间", random.digits(8)),
        8 => format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{} 报错", random.digits(3)),
        9 => format!("{year}年{month}月{day}日{hour}点{minute}分转的，{amount}元"),
        10 => format!("金额是¥{amount}.{:02}，没有到账", random.below(100)),
        11 => format!("一共{},{:03},{:03}.00元", random.between(1, 99), random.below(1000), random.below(1000)),
        12 => format!(
            "客服热线{}打不通",
            random.pick(&["95588", "95533", "400-820-8820", "4008205555", "12345", "800-820-8820"])
        ),
        13 => format!(
            "版本{}.{}.{}.{}更新后打不开",
            random.below(20),
            random.below(20),
            random.below(30_000),
            random.below(5000)
        ),
        14 => format!(
            "服务器{}.{}.{}.{}:{}连不上",
            random.between(1, 223),
            random.below(256),
            random.below(256),
            random.between(1, 254),
            random.between(80, 65535)
        ),
        15 => {
            let hex = "0123456789abcdef";
            format!(
                "请求ID {}-{}-4{}-a{}-{}",
                random.letters(8, hex),
                random.letters(4, hex),
                random.letters(3, hex),
                random.letters(3, hex),
                random.letters(12, hex)
            )
        }
        16 => {
            format!("https://shop.example.com/item/{}?spm={}.{}", random.digits(12), random.digits(4), random.digits(8))
        }
        17 => format!("手机型号是 M{}-A{} 256G", random.digits(4), random.digits(3)),
        18 => format!("房间{}，{}楼", random.digits(4), random.between(1, 40)),
        19 => format!("取件码{}", random.digits(6)),
        20 => format!("邮编{}，麻烦寄一下", random.digits(6)),
        21 => format!("the error code is {} after build {}", random.digits(4), random.digits(5)),
        22 => format!("订单编号：{}", random.digits(18)),
        23 => format!(
            "分{}期，每期{amount}元，年化{}.{}%",
            random.between(3, 36),
            random.between(3, 18),
            random.below(10)
        ),
        24 => format!("尾号{}的卡什么时候到", random.digits(4)),
        25 => format!("{stamp} 交易失败"),
        26 => format!("{}/{}/{} {}:{:02}", day, month, year, hour, minute),
        _ => random.pick(ORDINARY).to_owned(),
    }
}
