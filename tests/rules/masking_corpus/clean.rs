//! Messages that hold nothing sensitive, and many things that look as if.

use super::random::Random;

/// Ordinary messages: no numbers, or none of interest.
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

/// Messages with numbers: `#` stands for a digit, `$` for a hexadecimal one.
const NUMBERED: &[&str] = &[
    "订单号202411221#3#2###56什么时候发货",
    "订单##########还没到",
    "订单############还没到",
    "订单###############，麻烦催一下",
    "订单################，麻烦催一下",
    "订单编号：##################",
    "订单###################付了两次款",
    "快递单号SF#############查一下",
    "运单号：#############",
    "运单号：7##############",
    "流水号 2024112213#2########",
    "交易流水号是20250#1#0#############",
    "My order number is ###########, where is it?",
    "My order number is ################, where is it?",
    "tracking number 1Z######################",
    "invoice 62################ was paid twice",
    "时间戳17###########",
    "17######## 这是日志里的时间",
    "17########### ERROR timeout",
    "2024-1#-2# 1#:2#:3#.### 报错",
    "2024/12/0# 1#:3# 预约",
    "202#年1#月2#日1#点3#分转的，####元",
    "2024112#1#3#2# 交易失败",
    "1#/0#/2025 1#:3#",
    "金额是¥#####.##，没有到账",
    "一共#,###,###.##元",
    "余额 13,8##,###,### 元",
    "客服热线95588打不通，955##也打不通",
    "400-8##-####是你们的电话吗",
    "4008######打不通，800-820-####呢",
    "版本1#.#.1####.3###更新后打不开",
    "v2.1#.#.2024##",
    "服务器192.168.1##.1##:8080连不上",
    "ping 10.1#.2##.1## 不通",
    "请求ID $$$$$$$a-$b$$-4$$$-a$$$-$$$$$$c$$$$$",
    "trace $$$$a$$$b$$$$c$$$$$d$$$$$$$e$$$$",
    "https://shop.example.com/item/############?spm=####.########",
    "https://example.com/o/62#################",
    "手机型号是 M####-A### 256G",
    "iPhone 1# Pro Max ###G，A2###",
    "房间####，1#楼",
    "取件码######",
    "邮编######，麻烦寄一下",
    "the error code is #### after build #####",
    "分##期，每期####元，年化1#.#%",
    "尾号####的卡什么时候到",
    "会员号########",
    "排队号A###，前面还有##人",
    "验证码##分钟内有效吗",
    "密码输错#次了",
    "买了###个，每个##.##元，共####.##元",
    "G10##次列车，0#车1#A座",
    "CZ3###航班几点起飞",
    "ISBN 978-7-###-#####-#",
    "身高1##，体重##公斤",
    "比分 1##:9#，第#节",
];

/// Makes a clean message.
pub fn message(random: &mut Random) -> String {
    if random.below(4) == 0 {
        return random.pick(ORDINARY).to_owned();
    }
    let digits: Vec<char> = "0123456789abcdef".chars().collect();
    let template = random.pick(NUMBERED);
    let fill = |c| match c {
        '#' => digits[random.below(10)],
        '$' => digits[random.below(16)],
        _ => c,
    };
    template.chars().map(fill).collect()
}
