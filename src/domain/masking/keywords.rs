//! The engine's keywords as data: what each group says, its Chinese words (by spaces), its English ones (by commas).
//!
//! Chinese words are simplified; the fold table maps traditional characters to them. It deliberately does not know how
//! words are found or weighed; that is [`super::lexicon`]. The lists are part of the policy digest.

use super::{entity::Entity, lexicon::Cues};

const PHONE: Cues = Cues::of(Entity::Mobile).and(Cues::of(Entity::Landline));

/// Keywords by what they say: for entities, against any, or only that the message deserves a look.
pub(super) const KEYWORDS: &[(Cues, &str, &str)] = &[
    (
        Cues::of(Entity::IdCard),
        "身份证 身份号 证件 证件号 证件号码 公民身份 证号 居民证 实名",
        "id card,idcard,id number,id num,id no,identity card,identity number,resident id,national id",
    ),
    (
        Cues::of(Entity::BankCard),
        "卡 卡号 银行卡 储蓄卡 信用卡 借记卡 账号 账户 帐号 帐户 户头 银联 工行 农行 建行 招行 转账 打款 汇款 收款",
        "card,card number,card no,bank card,credit card,debit card,account,acct,pan,visa,mastercard,unionpay,amex",
    ),
    (
        PHONE,
        "电话 联系 联系方式 号码 致电 拨打 打给 回电 来电 电联",
        "tel,telephone,phone,phone number,call,contact,reach me,ring me",
    ),
    (
        Cues::of(Entity::Mobile),
        "手机 手机号 手机号码 微信 短信 加我 加微",
        "mobile,cell,cellphone,whatsapp,wechat,sms,text me",
    ),
    (Cues::of(Entity::Landline), "座机 固话 固定电话 办公电话 传真 总机 分机", "fax,landline,office phone,home phone"),
    (Cues::of(Entity::Email), "邮箱 邮件 电邮", "email,e-mail,mail"),
    (
        Cues::of(Entity::CreditCode),
        "信用代码 统一社会信用代码 统一代码 机构代码 税号 纳税人识别号 纳税人 营业执照",
        "uscc,credit code,tax id,taxpayer id",
    ),
    (Cues::of(Entity::Iban), "国际账号 国际账户 国际银行账号", "iban,international account"),
    (
        Cues::of(Entity::Cvv),
        "安全码 卡背 卡背面 卡背后 卡后三位 卡后3位 背面三位 背面3位 背后三位 背面后三位 背面末三位 签名栏 \
         卡片验证码 卡验证码 信用卡验证码",
        "cvv,cvv2,cvc,cvc2,cvn,cvn2,cav2,csc,card verification,card verification value,card verification code,\
         verification value,security number,card security code,security digits,card code",
    ),
    (
        Cues::of(Entity::Pin),
        "取款密码 支付密码 交易密码 卡密码 银行卡密码 信用卡密码 储蓄卡密码 卡的密码 提款密码 查询密码 取现密码 \
         消费密码 六位密码 6位密码",
        "pin,pin code,pin number,pin no,atm pin,card pin,passcode",
    ),
    (
        Cues::of(Entity::Cvv).and(Cues::BESIDE_CARD),
        "后三位 后3位 末三位 末3位 后面三位",
        "last three digits,last 3 digits,three digits on the back,3 digits on the back",
    ),
    (
        Cues::of(Entity::Expiry).and(Cues::BESIDE_CARD),
        "有效期 有效期至 有效日期 到期日 到期日期 过期日期",
        "valid thru,valid through,valid until,good thru,expiry,expiry date,expiration,expiration date,exp date,exp,\
         expires",
    ),
    (
        Cues::of(Entity::Password),
        "密码 口令 登录密码 登陆密码 初始密码 新密码 旧密码 原密码",
        "password,passwd,pass word,passphrase,pwd,psw,pw,login pass",
    ),
    (
        Cues::of(Entity::OneTimeCode),
        "验证码 校验码 动态码 动态密码 动态口令 短信码 短信验证码 短信密码 手机验证码 安全验证码 登录码 确认码 \
         激活码 随机码 随机密码 授权码 认证码 识别码 一次性密码 一次性口令 一次性验证码 一次性代码",
        "otp,one time code,one-time code,one time password,one-time password,one time passcode,one-time passcode,\
         one time pin,one-time pin,verification code,verify code,verification number,auth code,authentication code,\
         authorization code,authorisation code,security code,sms code,login code,access code,confirmation code,\
         activation code,2fa,2fa code",
    ),
    (Cues::of(Entity::OneTimeCode).and(Cues::WEAK), "", "code"),
    (
        Cues::AGAINST,
        "订单 订单号 订单编号 单号 快递单号 运单 运单号 流水 流水号 编号 交易号 序列号 型号 工单 工单号 工号 时间戳 \
         金额 条码 条形码 编码 邮编 邮政编码 货号 批号 票号 发票 发票号 物流 案件号 参考号 凭证号 优惠码 券码 抽奖码 取件码 \
         取餐码 提货码 兑换码 邀请码 推荐码 核销码 错误码 错误代码 返回码 状态码 保单 保单号 合同 合同号 会员号 积分 \
         余额 房号 房间号 门牌 设备号 群号 商品 商品编号 版本 尾号 页码 区号 学号 座位 航班 车次",
        "order,order no,order number,order id,tracking,tracking number,ref,reference,reference number,invoice,serial,\
         serial number,sn,imei,ticket,timestamp,uuid,transaction id,trace id,request id,session id,waybill,parcel,\
         shipment,amount,total,zip code,postal code,post code,error code,promo code,discount code,coupon code,\
         gift code,voucher code,product code,status code,country code,area code,referral code,invite code,qr code,\
         bar code,sort code,swift code,source code,dress code,sku,isbn,version,build,model,ending in,ends in,\
         last four,last 4",
    ),
    (Cues::WAKE, "艾特 点com 点cn 点net 点org", "(at,[at,{at,<at, dot ,.com,.cn,.net,.org"),
];

/// Yields a row's words.
pub(super) fn words(chinese: &'static str, english: &'static str) -> impl Iterator<Item = &'static str> {
    chinese.split_whitespace().chain(english.split(',')).filter(|word| !word.is_empty())
}
