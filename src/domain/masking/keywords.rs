//! The engine's keywords as data: what each group says, its Chinese words (by spaces), its English ones (by commas).
//!
//! Chinese words are simplified; the fold table maps traditional characters to them. It deliberately does not know how
//! words are found or weighed; that is [`super::lexicon`]. The lists are part of the policy digest.

use super::{entity::Entity, lexicon::Cues};

const PHONE: Cues = Cues::of(Entity::Mobile).and(Cues::of(Entity::Landline));
/// What papers of any kind are asked for with one word.
const PAPERS: Cues = Cues::all(&[
    Entity::IdCard,
    Entity::Passport,
    Entity::HkMacauPermit,
    Entity::TaiwanPermit,
    Entity::HkId,
    Entity::TaiwanId,
]);
/// Numbers that other states than China give to their people.
const FOREIGN: Cues = Cues::all(&[
    Entity::IdCard,
    Entity::HkId,
    Entity::MacauId,
    Entity::TaiwanId,
    Entity::SgNric,
    Entity::MyNric,
    Entity::ThaiId,
    Entity::KrRrn,
    Entity::JpMyNumber,
    Entity::InAadhaar,
    Entity::UkNino,
    Entity::EsNie,
    Entity::EsDni,
    Entity::ItFiscalCode,
    Entity::PlPesel,
]);
/// Numbers under which people pay taxes.
const TAX: Cues = Cues::all(&[
    Entity::CreditCode,
    Entity::DeTaxId,
    Entity::ItFiscalCode,
    Entity::BrCpf,
    Entity::InPan,
    Entity::AuTfn,
    Entity::EsDni,
]);

/// Keywords by what they say: for entities, against any, or only that the message deserves a look.
pub(super) const KEYWORDS: &[(Cues, &str, &str)] = &[
    (Cues::all(&[Entity::IdCard, Entity::HkId, Entity::TaiwanId]), "身份证 身份号 公民身份 居民证 实名", "resident id"),
    (PAPERS, "证件 证件号 证件号码 证号", ""),
    (
        FOREIGN,
        "身份证号 身份证号码 身份证件 居民身份证",
        "id card,idcard,id number,id num,id no,identity card,identity number,identification number,national id",
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
    (Cues::of(Entity::CreditCode), "信用代码 统一社会信用代码 统一代码 机构代码 营业执照", "uscc,credit code"),
    (TAX, "税号 纳税人识别号 纳税人", "tax id,taxpayer id,tax number,tax identification number,tin"),
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
         serial number,sn,ticket,timestamp,uuid,transaction id,trace id,request id,session id,waybill,parcel,\
         shipment,amount,total,zip code,postal code,post code,error code,promo code,discount code,coupon code,\
         gift code,voucher code,product code,status code,country code,area code,referral code,invite code,qr code,\
         bar code,sort code,source code,dress code,sku,isbn,version,build,model,ending in,ends in,\
         last four,last 4",
    ),
    (
        Cues::of(Entity::HkMacauPermit),
        "回乡证 通行证 港澳通行证 往来港澳通行证 来往内地通行证 港澳居民来往内地通行证 港澳证",
        "home return permit,hrp,mainland travel permit,travel permit,exit-entry permit",
    ),
    (
        Cues::of(Entity::TaiwanPermit),
        "台胞证 台湾通行证 大陆通行证 来往大陆通行证 往来台湾通行证 台湾居民来往大陆通行证",
        "taiwan compatriot permit,taiwan travel permit,mtp",
    ),
    (
        Cues::of(Entity::Plate),
        "车牌 车牌号 车牌号码 牌照 号牌 车号",
        "licence plate,license plate,plate number,plate no,plate",
    ),
    (
        Cues::of(Entity::Passport),
        "护照 护照号 护照号码",
        "passport,passport no,passport number,passport num,travel document",
    ),
    (
        Cues::of(Entity::Swift).and(Cues::AGAINST),
        "国际代码 银行代码 银行识别码 国际汇款代码",
        "swift,swift code,swift no,swift number,bic,bic code,swift bic",
    ),
    (Cues::of(Entity::Ip), "ip地址", "ip,ip address,ip addr,ipv4,ipv6,client ip"),
    (Cues::of(Entity::Mac), "mac地址 物理地址 硬件地址", "mac address,mac addr,hardware address"),
    (Cues::of(Entity::Imei).and(Cues::AGAINST), "串号 手机串号 设备识别码", "imei,imei no,imei number,imei code"),
    (
        Cues::of(Entity::Bitcoin),
        "比特币 钱包地址 比特币地址",
        "btc,bitcoin,btc address,bitcoin address,wallet address,wallet",
    ),
    (
        Cues::of(Entity::Ethereum),
        "以太坊 以太币 钱包地址 以太坊地址",
        "eth,ethereum,eth address,ethereum address,wallet address,wallet,erc20",
    ),
    (
        Cues::of(Entity::WeChat),
        "微信 微信号 微信id 微信账号 微信帐号 加微 加我微信 微号 威信 薇信 v信 卫星号",
        "wechat,wechat id,wechat no,weixin,wxid,vx,wx",
    ),
    (Cues::of(Entity::Qq), "qq号 qq号码 qq账号 qq帐号 扣扣 扣扣号 企鹅号", "qq,qq number,qq no,qq id"),
    (Cues::of(Entity::Amount).and(Cues::AGAINST), "金额 余额", "amount,total"),
    (
        Cues::of(Entity::BirthDate),
        "生日 出生 出生日期 出生年月 出生年月日 出生于 生于",
        "birthday,date of birth,birth date,birthdate,dob,d.o.b,born,born on",
    ),
    (
        Cues::of(Entity::HkId),
        "香港身份证 香港身份证号 香港身份证号码",
        "hkid,hk id,hkid no,hong kong id,hong kong identity card",
    ),
    (Cues::of(Entity::MacauId), "澳门身份证 澳门身份证号 澳门身份证号码", "macau id,macau identity card,bir"),
    (
        Cues::of(Entity::TaiwanId),
        "台湾身份证 台湾身份证号 国民身份证 统一编号 居留证 居留证号",
        "taiwan id,taiwan identity card,arc,arc number",
    ),
    (Cues::of(Entity::SgNric), "", "nric,nric no,fin,fin number,singapore id"),
    (Cues::of(Entity::MyNric), "", "mykad,ic,ic number,ic no,i/c,malaysian ic,nric,nric no"),
    (Cues::of(Entity::ThaiId), "", "thai id,thai national id,thai id card"),
    (Cues::of(Entity::VnId), "", "cccd,cmnd,vietnamese id,vietnam id,citizen id"),
    (
        Cues::of(Entity::KrRrn),
        "주민등록번호 주민번호 居民登录号 居民登录号码",
        "rrn,resident registration,resident registration number,korean id",
    ),
    (Cues::of(Entity::JpMyNumber), "マイナンバー 个人番号 個人番号", "my number,individual number,mynumber"),
    (Cues::of(Entity::InAadhaar), "", "aadhaar,aadhar,adhaar,uidai,aadhaar number,aadhaar no"),
    (Cues::of(Entity::InPan), "", "pan card,pan number,pan no,permanent account number"),
    (
        Cues::of(Entity::UsSsn),
        "社会安全号 社会安全号码 社安号 社会保险号",
        "ssn,social,social security,social security no,social security number,social security #,itin",
    ),
    (Cues::of(Entity::CaSin), "", "sin,sin number,social insurance,social insurance number"),
    (Cues::of(Entity::UkNhs), "", "nhs,nhs number,nhs no"),
    (Cues::of(Entity::UkNino), "", "nino,ni number,national insurance,national insurance number,national insurance no"),
    (Cues::of(Entity::EsNie).and(Cues::of(Entity::EsDni)), "", "nie,nif,dni,nie number,dni number"),
    (
        Cues::of(Entity::FrNir),
        "",
        "nir,insee,securite sociale,numero de securite sociale,french social security number,social security number,\
         social security",
    ),
    (Cues::of(Entity::DeTaxId), "", "steuer-id,steuerid,steueridentifikationsnummer,idnr,steuernummer,german tax id"),
    (Cues::of(Entity::ItFiscalCode), "", "codice fiscale,fiscal code"),
    (Cues::of(Entity::NlBsn), "", "bsn,burgerservicenummer,citizen service number"),
    (Cues::of(Entity::ChAhv), "", "ahv,avs,ahv number,ahv-nr,avs number"),
    (Cues::of(Entity::PlPesel), "", "pesel,pesel number"),
    (Cues::of(Entity::BrCpf), "", "cpf,cpf number"),
    (Cues::of(Entity::AuTfn), "", "tfn,tax file number"),
    (Cues::WAKE, "艾特 点com 点cn 点net 点org", "(at,[at,{at,<at, dot ,.com,.cn,.net,.org"),
];

/// Yields a row's words.
pub(super) fn words(chinese: &'static str, english: &'static str) -> impl Iterator<Item = &'static str> {
    chinese.split_whitespace().chain(english.split(',')).filter(|word| !word.is_empty())
}
