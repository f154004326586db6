"""Messages around values, as customers and agents of a bank write them; `{}` is where the value stands.

They are for measuring only. Nobody who works on the engine takes words from here: what a real chat says is elsewhere.
"""

# Around a value that needs no word.
ANY = [
    "{}", "{} 麻烦核实一下", "在吗？{}", "这个{}对吗", "我再发一遍：{}", "登记的是{}，请改一下", "您记一下 {} 哈", "{}。", "—— {}",
    "刚才说的就是{}，没错", "pls check {}", "here it is: {}", "{} is what I have on file", "hi, {} again", "sorry, meant {}.", "can you use {} instead",
]

# Beside the word that makes it one.
BESIDE = {
    "cn.id_card": ["本人身份证号码{}，想查征信", "身份证：{}", "开户用的身份证是{}", "the ID card number is {}", *ANY],
    "cn.bank_card": ["尾款打到{}这张卡", "工资卡{}怎么被冻结了", "麻烦查下卡号{}的流水", "my debit card {} got declined", "card no. {}", *ANY],
    "cn.mobile": ["我电话换成{}了", "有事打{}", "短信发到{}", "reach me at {}", "回拨{}就行", *ANY],
    "cn.landline": ["单位座机{}", "打{}转财务", "my office line is {}", *ANY],
    "email": ["对账单发{}吧", "邮箱写{}", "send it to {} please", *ANY],
    "cn.credit_code": ["开票：统一社会信用代码{}", "我们公司税号{}", "营业执照上是{}", *ANY],
    "iban": ["the IBAN is {}", "汇到 {} 可以吗", "please wire to {}", *ANY],
    "cn.hm_permit": ["回乡证号码{}，能开户吗", "我用港澳通行证{}办的", "通行证号：{}", "my home return permit: {}"],
    "cn.tw_permit": ["台胞证号{}", "台胞证是{}，可以绑卡吗", "往来台湾通行证 {}"],
    "cn.plate": ["ETC 绑的是{}", "车牌号{}要解绑", "{}这辆车的保险到期了", "my plate is {}", *ANY[:6]],
    "passport": ["护照号码{}", "用护照 {} 开的户", "passport no: {}", "My passport number is {}, it expires next year"],
    "card.cvv": ["背面三位是 {}，cvv 对吧", "CVV {}", "安全码：{}", "the cvv code is {}", "卡后三位{}"],
    "card.pin": ["取款密码是{}", "支付密码{}怎么不对", "my ATM PIN is {}", "交易密码：{}"],
    "card.expiry": ["信用卡有效期 {}", "卡的有效期写的{}", "card expiry {}", "visa valid thru {}"],
    "auth.password": ["登录密码是{}，帮我看看", "密码：{}", "my password is {}", "网银密码 {} 登不上", "pwd: {}"],
    "auth.otp": ["收到验证码 {}", "验证码是{}，对吗", "短信码{}填哪里", "the verification code is {}", "OTP {}", "{} 这个验证码过期了吗"],
    "swift": ["收款行SWIFT是{}", "SWIFT CODE：{}", "the bank's BIC is {}", "swift码 {}，境外汇款"],
    "ip": ["提示我在{}登录，不是我", "异常登录IP：{}", "login from {} was not me", "IP address {}"],
    "mac": ["设备MAC地址 {}", "mac address is {}", "网卡是{}"],
    "imei": ["手机IMEI：{}", "串号 {} 的手机丢了", "IMEI number {}"],
    "crypto.btc": ["对方让我转比特币到{}", "send BTC to {}", "{} 是骗子的地址"],
    "crypto.eth": ["让我打USDT到{}", "ETH wallet {}", "{}"],
    "im.wechat": ["加我微信 {}", "微信号：{}", "my WeChat ID: {}", "v信{}聊"],
    "im.qq": ["QQ{}", "我QQ号{}，加一下", "扣扣：{}", "my QQ number is {}"],
    "hk.id_card": ["香港身份證號碼{}", "HKID {}", "我是香港人，身份证{}", "Hong Kong ID: {}"],
    "mo.id_card": ["澳门身份证 {}", "Macau ID card: {}"],
    "tw.id_card": ["台湾身分證 {}", "Taiwan ID is {}", *ANY[:4]],
    "sg.nric": ["NRIC {}", "my NRIC no is {}", "{} (Singapore)", *ANY[:4]],
    "my.nric": ["IC number: {}", "MyKad {}", "my IC is {}"],
    "th.id_card": ["Thai national ID {}", "my Thai ID card is {}"],
    "vn.id_card": ["CCCD số {}", "Vietnamese citizen ID {}"],
    "kr.rrn": ["RRN {}", "my resident registration number is {}"],
    "jp.my_number": ["マイナンバーは{}です", "My Number: {}"],
    "in.aadhaar": ["Aadhaar number {}", "my aadhaar is {}"],
    "in.pan": ["PAN card {}", "my PAN number is {}"],
    "us.ssn": ["SSN {}", "my social security number is {}", "social: {}"],
    "ca.sin": ["my SIN is {}", "social insurance number {}"],
    "uk.nhs": ["NHS number is {}", "my NHS no. {}"],
    "uk.nino": ["NI number {}", "national insurance: {}", *ANY[10:13]],
    "es.nie": ["mi NIE es {}", "NIE: {}"],
    "es.dni": ["DNI {}", "mi DNI es el {}"],
    "fr.nir": ["numéro de sécurité sociale {}", "my French social security number: {}"],
    "de.tax_id": ["Steuer-ID {}", "German tax ID {}"],
    "it.fiscal_code": ["codice fiscale {}", "my fiscal code is {}"],
    "nl.bsn": ["mijn BSN is {}", "BSN {}"],
    "ch.ahv": ["AHV-Nr {}", "my AHV number is {}"],
    "pl.pesel": ["PESEL {}", "mój PESEL to {}"],
    "br.cpf": ["CPF {}", "meu CPF é {}"],
    "au.tfn": ["my tax file number is {}", "TFN {}"],
}

# Messages without any value: `#` is a digit, `$` a hexadecimal one, `@` a capital.
CLEAN = [
    "分期三十六个月利息多少", "王者荣耀的充值记录为什么查不到", "您好，我想咨询一下贷款", "一共五万六千七百块，分六期", "第七十二届的活动还有吗",
    "请问你们几点上班", "转账限额怎么调", "我已经说了三遍了", "好的谢谢", "能不能快一点", "没收到短信", "密码忘了怎么重置", "验证码一直收不到",
    "I have been waiting for ages", "thanks, that's all", "is there a fee for this?", "my card was swallowed by the ATM", "which documents do I need to bring?",
    "订单号2024###########还没退款", "单号 SF############# 到哪了", "流水号：2025########00####", "我的订单 ################ 呢", "交易号4200#####################",
    "order number 1##-#######-####### is late", "tracking no 9400############", "invoice INV-2025-####", "ticket #####", "ref: @@###-####",
    "时间戳 17###########", "ts=17########", "17########### 的那笔失败了", "2025-0#-1# 1#:3#:2# 扣款失败", "0#/1#/2025 at 1#:4#", "20250#1# 开始计息",
    "request id $$$$$$$$-$$$$-4$$$-a$$$-$$$$$$$$$$$$", "$$$$$$$$-$$$$-4$$$-9$$$-$$$$$$$$$$$$ 报错了", "sha1 $$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$",
    "扣了¥1,2##.##", "一共 3####.## 元", "余额还剩1##,###.##", "$4,5##.00 was charged twice", "手续费0.##%，最低##元", "汇率7.1###", "理财1#万，收益率3.##%",
    "打95588没人接", "客服热线955##打不通", "400-8##-####是你们的吗", "拨打了4006######", "110 120 119", "955## 转 # 号键",
    "型号 SM-G9###，系统 1#.#", "iPhone 1# Pro 2##G", "华为 Mate ##，版本 4.0.0.1##", "Windows 1# build 2####", "app 版本 9.1#.#.####", "芯片 A1# 骁龙8###",
    "房间 1#0#，3楼", "取号 A0##，窗口 #", "航班 CA1###", "G1## 次列车", "ISBN 978-7-###-#####-#", "邮编 ######", "面积 1##.# 平方米", "编号@@-####-##",
    "第 ### 页", "尾号 #### 的卡", "ending in ####", "每月 #### 还款日 1# 号", "年龄##岁", "##分钟前提交的", "http://bank.example/p?id=########&t=17########",
    "一二三四五六日", "零零七", "一五一十地说", "三七二十一", "五一放假吗", "八九不离十", "二维码扫不了", "双十一活动", "1-2个工作日", "24小时内", "7*24 服务",
    "error code E#####", "status 50#", "HTTP 40# 错误", "log: thread-## at 0x$$$$$$$$", "192.168.1.1## 上不去网", "wifi 密码忘了", "port 8###", "mac 电脑打不开网银",
    "微信支付不了", "QQ钱包能还款吗", "护照丢了能挂失吗", "车牌还没下来怎么办ETC", "swift汇款要几天", "我的生日礼包没到", "IP是什么意思", "IMEI 在哪里看",
]
