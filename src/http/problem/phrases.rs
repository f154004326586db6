//! The phrases that rooms below put into errors ("expected …", "no such …"), in Chinese. A test finds each in the source.

const PHRASES: &[(&str, &str)] = &[
    ("report", "报告"),
    ("missed or wrong", "missed 或 wrong"),
    ("1 to 200 characters of the message", "消息中的 1 至 200 个字符"),
    ("a masked value, whole", "一个完整的脱敏内容"),
    ("a place of which nothing is masked", "未含脱敏内容的位置"),
    ("at most 64 reports", "最多 64 个报告"),
    ("not_sensitive, intended, covered or duplicate", "not_sensitive、intended、covered 或 duplicate"),
    ("bank_own, customer_asked, procedure or not_sensitive", "bank_own、customer_asked、procedure 或 not_sensitive"),
    ("masked or as_it_is", "masked 或 as_it_is"),
    ("nothing, for what goes masked", "留空：脱敏发送不需要原因"),
    ("either a pseudonym or an identity", "假名或身份标识二者之一"),
    (
        "not_needed, retention_over, consent_withdrawn, objection, unlawful or legal_obligation",
        "not_needed、retention_over、consent_withdrawn、objection、unlawful 或 legal_obligation",
    ),
    ("litigation, authority, investigation or complaint", "litigation、authority、investigation 或 complaint"),
    ("it is of a kind that can't be read", "文件类型无法读取"),
    ("it needs a password", "文件已加密"),
    ("it is broken or cut off", "文件损坏或不完整"),
    ("it holds too much text or too many parts", "文件内容或组成部分过多"),
    ("reading it took too long", "读取超时"),
    ("it has scripts, macros or packed objects", "文件含脚本、宏或嵌入对象"),
    ("it is a program", "文件是可执行程序"),
    ("it is two things at once", "文件同时具有两种格式"),
    ("there is no text in it", "文件中没有文字"),
    ("file", "文件"),
    (
        "one value: 1 to 1024 bytes of UTF-8 in percent-encoding; %20 for a space, %2B for a plus",
        "单个取值：1 至 1024 字节 UTF-8 的百分号编码；空格写作 %20，加号写作 %2B",
    ),
    ("subject", "客户"),
    ("proposal", "删除申请"),
    ("hold", "司法冻结保全"),
    ("amendment", "策略变更申请"),
    ("request", "明文查看申请"),
    ("masked value", "脱敏内容"),
    (
        "fraud, dispute, identity, correction, authority or incident",
        "fraud、dispute、identity、correction、authority 或 incident",
    ),
    ("preview", "历史预演"),
    ("remasking", "进行中的历史重新脱敏"),
    ("shadow", "进行中的试运行"),
    ("draft", "草稿"),
    ("1 to 100000 messages", "1 至 100000 条消息"),
    ("an instant before `to`", "早于 `to` 的时间"),
    ("at most 8: end one", "最多 8 个：请先结束一个"),
    ("1 to 168", "1 至 168"),
    ("1 to 128 bytes without control characters", "1 至 128 字节，不含控制字符"),
    ("at most 262144 bytes", "最多 262144 字节"),
    ("at most 50: take one away", "最多 50 份：请先删除一份"),
    ("the version that was read", "读取时的版本号"),
    ("one of conversation, last, and from with to", "conversation、last、from 加 to 三者之一"),
    ("policy", "策略"),
    ("a policy that is not the one in force", "与现行策略不同的策略"),
    ("nothing, for a policy that is to act at once", "留空：立即生效的策略不设生效时间"),
    ("the digest of the policy in force", "现行策略的摘要"),
    ("erasure", "已执行的删除"),
    ("1 to 128 visible ASCII characters", "1 至 128 个可见 ASCII 字符"),
    ("0 or nothing: agents alone have a desk", "0 或留空：只有客服坐席可接待会话"),
    ("0 to 1000 conversations", "0 至 1000 个会话"),
    (
        "1 to 128 bytes without control characters or outer spaces, not beginning with = + - @",
        "1 至 128 字节，不含控制字符或首尾空格，不以 = + - @ 开头",
    ),
    (
        "1 to 128 bytes without control characters, of which nothing is masked",
        "1 至 128 字节，不含控制字符，也不含会被脱敏的内容",
    ),
    ("1 to 16384 bytes", "1 至 16384 字节"),
    ("1 to 4096 bytes", "1 至 4096 字节"),
    ("1 to 1024 bytes", "1 至 1024 字节"),
    ("1 to 64 different scopes", "1 至 64 个互不相同的范围"),
    (
        "1 to 256 message ids of 1 to 128 visible ASCII characters",
        "1 至 256 个消息编号，各为 1 至 128 个可见 ASCII 字符",
    ),
    ("a time after from", "晚于 from 的时间"),
    ("a time such as 2026-01-05T08:00:00+08:00", "形如 2026-01-05T08:00:00+08:00 的时间"),
    ("at most 8: delete one", "最多 8 个：请先删除一个"),
    ("channel and account, such as http:app", "渠道与账户，例如 http:app"),
    ("exactly one of conversation, subject, range and case", " conversation、subject、range、case 四者之一，且仅一个"),
    ("package", "证据包"),
    ("person", "客户"),
    ("1 to 256 bytes", "1 至 256 字节"),
    ("12 characters or more, at most 256 bytes", "至少 12 个字符，最多 256 字节"),
    ("32 lower-case hexadecimal digits", "32 位小写十六进制数字"),
    ("@method, @authority, @path, @query and header fields", "@method、@authority、@path、@query 和请求头字段"),
    ("64 hexadecimal digits", "64 位十六进制数字"),
    ("page", "页面"),
    ("file of the log", "日志文件"),
    ("message", "消息"),
    ("message or callback", "message 或 callback"),
    ("a conversation that waits", "排队中的会话"),
    ("Bearer and a visitor's token", "Bearer 与访客令牌"),
    ("JSON in UTF-8", "UTF-8 编码的 JSON"),
    ("POST and GET", " POST 和 GET"),
    ("UTF-8 in percent-encoding; %20 for a space, %2B for a plus", "百分号编码的 UTF-8；空格写作 %20，加号写作 %2B"),
    ("a byte sequence under the label of signature-input", "与 signature-input 标签相同的字节序列"),
    ("a certificate of the configured authority", "由所配置机构签发的证书"),
    ("a code that the provider takes", "身份提供方接受的授权码"),
    ("a dictionary as in RFC 9651, section 3.2", "RFC 9651 第 3.2 节的字典"),
    ("a kind of entries, or its beginning up to a dot or a slash", "条目类型，或其在点号、斜杠处截断的前缀"),
    ("a number of entries", "条目数"),
    ("a size that is not larger than to", "不大于 to 的条目数"),
    ("a login that no account has", "尚无账号使用的登录名"),
    ("a login that no other line has", "文件中不重复的登录名"),
    ("a login that the provider did not refuse", "未被身份提供方拒绝的登录"),
    ("a provider that calls itself as it is configured", "与配置中 issuer 一致的身份提供方"),
    ("a queue of the routing table, other than the one it waits in", "路由表中的队列，且不是会话正在等待的队列"),
    ("a role or group that is one of ours", "与本系统角色对应的角色或组"),
    ("a shorter query", "更短的查询串"),
    ("at most 16 skills and groups of the active routing table", "最多 16 个当前路由表中的技能和组"),
    ("groups of the active routing table, each once", "当前路由表中的组，每个一次"),
    ("skills of the active routing table that are no groups, each once", "当前路由表中的技能（组除外），每个一次"),
    ("a whole JSON value", "完整的 JSON 值"),
    ("a whole number from 0 to 25", "0 至 25 的整数"),
    ("a whole number from 1 to 200", "1 至 200 的整数"),
    ("account", "账号"),
    ("active policy", "生效的策略"),
    ("addresses of the issuer's own origin", "与 issuer 同源的地址"),
    ("agent", "坐席"),
    ("agent, supervisor, compliance, auditor or admin", "agent、supervisor、compliance、auditor 或 admin"),
    ("alg hmac-sha256, or none", "alg 为 hmac-sha256 或省略"),
    ("an identity of the channel or a proven one", "渠道内的身份或经证明的身份"),
    ("at most 500: take one away", "最多 500 条：请先删除一条"),
    ("at most 64 open at a time: leave one", "同时最多打开 64 个会话：请先离开一个"),
    ("an answer of at most 256 KiB", "不超过 256 KiB 的答复"),
    ("an answer of the configured issuer", "所配置 issuer 的答复"),
    ("an answer within ten seconds", "十秒内的答复"),
    ("a tenant's name", "租户名称"),
    ("a token in compact form", "紧凑格式的令牌"),
    ("a token signed by a key of the provider", "由身份提供方的密钥签名的令牌"),
    ("an id token with the claim of the login", "含有登录名声明的 ID 令牌"),
    ("an issuer with a URL", "URL 形式的 issuer"),
    ("another agent than the one who has it", "当前接待坐席以外的坐席"),
    ("another password than the old one", "与旧密码不同的密码"),
    ("as many fields as the first line names, in RFC 4180's form", "与首行列数相同的字段（RFC 4180 格式）"),
    ("at least one account", "至少一个账号"),
    ("at most 256 accounts", "最多 256 个账号"),
    ("channel account", "渠道账号"),
    (
        "columns login, name, role and perhaps capacity, skills and groups",
        "列 login、name、role，以及可选的 capacity、skills、groups",
    ),
    ("components that are strings without parameters", "不带参数的字符串组成部分"),
    ("components that the request has", "请求中存在的组成部分"),
    ("components with their parameters", "组成部分及其参数"),
    ("contact", "联系人"),
    ("conversation", "会话"),
    ("created, in whole seconds since 1970", "created，自 1970 年起的整秒数"),
    ("each component once", "每个组成部分只出现一次"),
    ("each parameter at most once", "每个参数最多一次"),
    ("either a queue or an agent", "队列或坐席，二选一"),
    ("enrolment", "待确认的第二验证因素"),
    ("entry", "账本条目"),
    ("exactly the fields of the API's description, each once and of its type", "接口说明中的字段，每个一次且类型正确"),
    ("expires, in whole seconds since 1970", "expires，自 1970 年起的整秒数"),
    ("lww.v1, and lww.token. with a visitor's token", "lww.v1，以及 lww.token. 加访客令牌"),
    ("identity provider", "身份提供方"),
    ("newest or oldest", "newest 或 oldest"),
    ("no variables but {agent}, {queue}, {time} and {bank}", "仅含变量 {agent}、{queue}、{time} 和 {bank}"),
    ("no body", "没有正文"),
    ("none: this account has no set of identities", "空：此渠道账号没有身份集合"),
    ("one list of components by this keyid, with its parameters", "此 keyid 的唯一一个组成部分列表及其参数"),
    ("nothing beside before", "不与 before 同时使用"),
    ("oneself, or `mine` left out", "本人，或不带 mine"),
    ("one that did not come before", "此前没有出现过的值"),
    ("one value of 1 to 128 visible ASCII characters", "一个由 1 至 128 个可见 ASCII 字符组成的值"),
    (
        "one value: 1 to 256 bytes of UTF-8 in percent-encoding; %20 for a space, %2B for a plus",
        "一个值：1 至 256 字节的 UTF-8，百分号编码；空格写作 %20，加号写作 %2B",
    ),
    ("one well-formed JSON value and nothing after it", "一个格式正确的 JSON 值，其后没有其他内容"),
    ("only the parameters of the API's description", "接口说明中的参数"),
    ("open conversation", "进行中的会话"),
    ("reply", "快捷回复"),
    ("second factor", "第二验证因素"),
    ("session", "登录会话"),
    ("sha-256=:base64:", "sha-256=:base64:"),
    ("status 200", "状态码 200"),
    ("the JSON of OpenID Connect", "OpenID Connect 规定的 JSON"),
    ("the browser that began this login, within ten minutes", "十分钟内、由发起登录的同一浏览器返回"),
    ("the index of an entry, as answers give it", "答复中给出的条目序号"),
    ("the name of a queue: 1 to 32 bytes", "队列名称：1 至 32 字节"),
    ("true or false", "true 或 false"),
    ("values of visible ASCII characters", "可见 ASCII 字符组成的值"),
    ("a word of 1 to 32 of a-z, 0-9, _ and -", "1 至 32 个 a-z、0-9、_ 或 - 组成的词"),
    ("at most 8 words of 1 to 32 of a-z, 0-9, _ and -", "最多 8 个词，每个由 1 至 32 个 a-z、0-9、_ 或 - 组成"),
    ("routing table", "路由表"),
    ("waiting, assigned, solved or closed", "waiting、assigned、solved 或 closed"),
];

/// The phrase in Chinese; one that is not known stays as it is.
pub(super) fn in_chinese(phrase: &'static str) -> &'static str {
    PHRASES.iter().find(|(english, _)| *english == phrase).map_or(phrase, |(_, chinese)| chinese)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
    }

    /// Every phrase that the rooms below may put into an error, read from their source.
    fn phrases_in_use() -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = vec![root.join("wire.rs"), root.join("pipeline.rs")];
        for room in
            ["channels", "pipeline", "http/api", "http/oidc", "http/body.rs", "http/pages.rs", "http/session.rs"]
        {
            let path = root.join(room);
            files.extend(if path.is_dir() { sources(&path) } else { vec![path] });
        }
        let before = r"(?:expected: |expected = |_EXPECTED: &str = |what: |malformed\(|missing\(|Self::\w+ => )";
        let pattern = regex::Regex::new(&format!("{before}\"([^\"]+)\"")).unwrap();
        let without_tests = files.iter().filter(|path| !path.ends_with("tests.rs"));
        let texts = without_tests.map(|path| std::fs::read_to_string(path).unwrap());
        let code = texts.map(|text| text.split("#[cfg(test)]").next().unwrap_or("").to_owned());
        code.flat_map(|text| pattern.captures_iter(&text).map(|found| found[1].to_owned()).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn every_phrase_in_use_is_known_in_chinese_and_no_other() {
        let known: BTreeSet<String> = PHRASES.iter().map(|(english, _)| (*english).to_owned()).collect();
        assert_eq!(known.len(), PHRASES.len(), "a phrase stands twice");
        assert_eq!(phrases_in_use(), known);
    }
}
