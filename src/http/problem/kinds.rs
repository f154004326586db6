//! Every kind of problem as data: its stable code, its status and its words in English and Chinese.
//!
//! `{name}` in a detail is filled in from the problem. Codes never change their meaning and are never used again for another.

/// One kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Stable code: the last part of the problem's type.
    pub(crate) code: &'static str,
    /// HTTP status.
    pub(crate) status: u16,
    /// Seconds after which trying again makes sense, when no better number is known.
    pub(crate) retry_after_s: Option<u64>,
    /// English title and detail.
    pub(crate) en: (&'static str, &'static str),
    /// Chinese title and detail.
    pub(crate) zh: (&'static str, &'static str),
}

macro_rules! kinds {
    ($($name:ident = $code:literal $status:literal $(retry $retry:literal)?
        $en_title:literal $en:literal $zh_title:literal $zh:literal;)*) => {
        $(pub(crate) const $name: Kind = Kind {
            code: $code,
            status: $status,
            retry_after_s: kinds!(@retry $($retry)?),
            en: ($en_title, $en),
            zh: ($zh_title, $zh),
        };)*

        /// Every kind.
        pub(crate) const ALL: &[Kind] = &[$($name),*];
    };
    (@retry) => { None };
    (@retry $seconds:literal) => { Some($seconds) };
}

kinds! {
    NOT_FOUND = "not_found" 404
        "Not found" "There is no such {what}."
        "未找到" "没有这样的{what}。";
    FORBIDDEN = "forbidden" 403
        "Forbidden" "Your role does not allow this, or it is not yours to do."
        "无权操作" "您的角色不允许此操作，或此事不归您处理。";
    BAD_CREDENTIALS = "bad_credentials" 401
        "Not logged in" "The login, the password or the session is not valid: log in with POST /api/v1/session."
        "未登录" "登录名、密码或会话无效：请用 POST /api/v1/session 登录。";
    THROTTLED = "throttled" 429
        "Too many attempts" "Too many failed attempts: wait {retry_after_s} seconds."
        "尝试过多" "失败次数过多：请等待 {retry_after_s} 秒。";
    MUST_CHANGE_PASSWORD = "must_change_password" 403
        "Change the password first" "This is a one-time password: change it with POST /api/v1/session/password, then log in again."
        "请先修改密码" "这是一次性密码：请用 POST /api/v1/session/password 修改，然后重新登录。";
    ACCOUNT_LOCKED = "account_locked" 403
        "Account locked" "Too many logins failed: an administrator unlocks the account, or `lww admin unlock` at the server."
        "账号已锁定" "登录失败次数过多：请由管理员解锁，或在服务器上执行 `lww admin unlock`。";
    SECOND_FACTOR_REQUIRED = "second_factor_required" 403
        "Second factor needed" "Show the second factor with POST /api/v1/session/second-factor, then repeat."
        "需要第二验证因素" "请先用 POST /api/v1/session/second-factor 提交动态口令，然后重试。";
    MUST_ENROL = "must_enrol_second_factor" 403
        "Set up a second factor first" "This needs a second factor: set one up with POST /api/v1/session/second-factor/enrolment."
        "请先设置第二验证因素" "此操作需要第二验证因素：请用 POST /api/v1/session/second-factor/enrolment 设置。";
    BAD_CODE = "bad_code" 403
        "Code not valid" "The code is wrong, over or used before: take the next one, or a recovery code."
        "动态口令无效" "动态口令错误、已过期或已使用：请使用下一个口令或恢复码。";
    LAST_ADMIN = "last_admin" 409
        "Last administrator" "Nobody could manage accounts then: make another administrator first."
        "最后一位管理员" "此后将无人能够管理账号：请先设置另一位管理员。";
    INVALID_LINE = "invalid_line" 422
        "Invalid line" "Line {line}, {field}: expected {expected}. Nothing was taken in."
        "文件行无效" "第 {line} 行，{field}：应为{expected}。未导入任何内容。";
    INVALID_FIELD = "invalid_field" 422
        "Invalid value" "{field}: expected {expected}."
        "取值无效" "{field}：应为{expected}。";
    NOT_SENDABLE = "file_not_sendable" 422
        "File not sent" "The file was not sent, because what leaves must be readable here: {reason}."
        "文件未发送" "外发内容须可在本系统读取，文件未发送：{reason}。";
    CONFLICT = "conflict" 409
        "Changed meanwhile" "It kept changing while this was decided: read it again and repeat."
        "状态已变化" "处理期间数据不断变化：请重新读取后重试。";
    NO_PLACE = "agent_has_no_place" 409
        "Agent can't take it" "The agent is not there, or has no place for one more conversation: choose another, or a queue."
        "坐席无法接待" "该坐席不在线，或已无空余会话名额：请选择其他坐席或队列。";
    KEY_REUSED = "key_reused" 422
        "Key used before" "This Idempotency-Key was used at index {first_index} with another body: use a new key for a new message."
        "幂等键已被使用" "此 Idempotency-Key 已在序号 {first_index} 用于其他内容：新消息请使用新的键。";
    OVERLOADED = "overloaded" 503 retry 1
        "Busy" "Too much is waiting already: repeat with the same key after Retry-After."
        "服务繁忙" "等待处理的请求过多：请在 Retry-After 之后用同一个键重试。";
    UNAVAILABLE = "unavailable" 503 retry 5
        "Ledger unavailable" "The ledger can't be written or read at present, so nothing was done: repeat with the same key."
        "账本暂不可用" "账本目前无法读写，因此未执行任何操作：请用同一个键重试。";
    OUTCOME_UNKNOWN = "outcome_unknown" 503 retry 1
        "Outcome not known" "It may or may not be recorded: repeat with the same key, and the answer will tell."
        "结果未知" "可能已记录，也可能未记录：请用同一个键重试，答复会说明结果。";
    LEDGER_STOPPED = "ledger_stopped" 503 retry 60
        "Ledger stopped" "The ledger is stopped until an operator acts."
        "账本已停止" "账本已停止，需由运维人员处理。";
    ERASED = "erased" 410
        "Erased" "The person's data was made unreadable for good: nothing of it can be shown any more."
        "已永久删除" "该客户的数据已永久不可读，无法再显示任何内容。";
    HELD = "legal_hold" 409
        "Legal hold" "A legal hold is on this person: release it first, or leave the data as it is."
        "司法冻结保全中" "该客户处于司法冻结保全中：请先解除保全，或保持数据不变。";
    HELD_LEAVING = "held_before_leaving" 409
        "Held before it leaves" "The policy holds what this text says, and nothing of it was sent: change it, or decide how it goes with the token in `held`."
        "外发前已拦截" "该内容触发脱敏策略的外发拦截，未发送任何内容：请修改文字，或凭 `held` 中的令牌决定如何发送。";
    HELD_OVER = "held_over" 409
        "Decided or over" "The held text was decided on, it is another one, or its time or its policy is over: send it again as a new message."
        "已处理或已失效" "该拦截已处理、文字不符、已过期或策略已变更：请作为新消息重新发送。";
    NOT_RELEASABLE = "not_releasable" 403
        "Stays masked" "The policy lets nobody, or not your role, send this as it is: send it masked, or change the text."
        "只能脱敏发送" "策略不允许原样发送，或不允许您的角色原样发送：请脱敏发送或修改文字。";
    SAME_PERSON = "same_person" 403
        "Somebody else decides" "Whoever proposed this can't approve it: another person has to."
        "须由他人复核" "提出人不能自行批准：须由另一人复核。";
    OVERTAKEN = "overtaken" 409
        "Overtaken" "Another policy came into force since this one was proposed: propose it again, against that one."
        "已被替代" "提出之后已有其他策略生效：请针对现行策略重新提出。";
    UNREVIEWED = "policy_unreviewed" 409
        "Not looked at yet" "One person brought the policy in force into force alone: somebody else has to look at it before history is masked by it."
        "尚待复核" "现行策略由一人单独启用：须经他人复核后，方可据此对历史重新脱敏。";
    POLICY_REFUSED = "policy_refused" 422
        "Not a valid policy" "This is no policy that could come into force: {reason}."
        "策略无效" "该策略不能生效：{reason}。";
    SHOWS_MORE = "shows_more" 409
        "It shows more" "It does not only mask more than the policy in force ({differences} such differences, the first: {first}), so one person can't decide it: propose it, so that others can consent."
        "会显示更多内容" "与现行策略相比并非只加严（{differences} 处，首处：{first}），不能由一人决定：请提交审批，由他人同意。";
    POLICY_ALTERED = "policy_altered" 500
        "Not what was recorded" "The database does not hold what was recorded: {reason}."
        "与记录不符" "数据库内容与账本记录不符：{reason}。";
    NOT_ALLOWED = "not_allowed_here" 403
        "Not allowed here" "The configuration does not allow this: see {key}."
        "配置不允许" "配置不允许此操作：请见 {key}。";
    NOT_REVERSIBLE = "not_reversible" 403
        "Not to be opened" "Nobody may open what stands behind this mask: the rule doesn't allow it, or it is stored nowhere."
        "不可查看明文" "此处脱敏内容任何人都不能查看明文：规则不允许，或该内容根本未存储。";
    LAPSED = "lapsed" 410
        "Time is over" "The time of this request is over: ask again, with a reason."
        "已过期" "此次申请已过期：请重新填写事由并申请。";
    TOO_OFTEN = "too_often" 429
        "Too often" "This was done too often: wait {retry_after_s} seconds."
        "次数过多" "操作次数已达上限：请等待 {retry_after_s} 秒。";
    NO_POLICY = "no_policy" 503 retry 60
        "No masking policy" "No masking policy is active, so nothing can be taken in: an operator activates one with `lww policy activate`."
        "无脱敏策略" "没有生效的脱敏策略，因此不能接收任何内容：请运维人员用 `lww policy activate` 启用。";
    NOT_BUILT = "not_built" 404
        "Page not built" "This program was built without its pages: `./x run` builds both, or run `npm ci && npm run build` in web/."
        "页面未构建" "此程序构建时未包含页面：`./x run` 会一并构建，或在 web/ 下执行 `npm ci && npm run build`。";
    NOT_PUBLISHED = "not_published" 404 retry 1
        "Not published yet" "No published checkpoint covers this yet: ask again after Retry-After."
        "尚未发布" "已发布的检查点尚未覆盖此内容：请在 Retry-After 之后重试。";
    LEDGER_DIFFERS = "ledger_differs" 500
        "Ledger differs" "Entry {index} of the database is not what was recorded: keep everything as it is, and let an operator run `lww ledger verify --against-db`."
        "账本不符" "数据库中的条目 {index} 与当初记录的不符：请保持现状，并请运维人员执行 `lww ledger verify --against-db`。";
    NOT_READY = "package_not_ready" 409 retry 1
        "Package not ready" "The package is still being gathered: ask for its state until it says ready."
        "证据包未就绪" "证据包仍在生成：请查询其状态，直至显示 ready。";
    NEVER_PUBLISHED = "publication_stalled" 503 retry 60
        "Publication stalled" "No published checkpoint covers the export after {waited_s} seconds: let an operator look at publication and its witnesses, then export again."
        "发布停滞" "等待 {waited_s} 秒后，已发布的检查点仍未覆盖此次导出：请运维人员检查发布情况及见证节点，然后重新导出。";
    PACKAGE_TOO_LARGE = "package_too_large" 422
        "Package too large" "The package would have more than {max_bytes} bytes: export less at a time."
        "证据包过大" "证据包将超过 {max_bytes} 字节：请缩小范围，分次导出。";
    ERASED_MEANWHILE = "erased_meanwhile" 409
        "Erased meanwhile" "Somebody in this package was erased while it was gathered, so it is gone: export again."
        "期间已删除" "生成期间，证据包涉及的某位客户的数据已被删除，此包因此作废：请重新导出。";
    NOT_A_SOCKET = "not_a_socket" 426
        "Not a socket" "This address opens a WebSocket: ask for an upgrade as in RFC 6455, or use the event stream or the updates."
        "不是 WebSocket 请求" "此地址用于建立 WebSocket：请按 RFC 6455 请求升级，或改用事件流或轮询。";
    NOT_SIGNED = "not_signed" 401
        "Not signed" "Header {field} is missing: sign the request as in RFC 9421."
        "未签名" "缺少请求头 {field}：请按 RFC 9421 对请求签名。";
    MISSING_HEADER = "missing_header" 400
        "Header missing" "Header {field} is missing."
        "缺少请求头" "缺少请求头 {field}。";
    MALFORMED_HEADER = "malformed_header" 400
        "Malformed header" "Header {field}: expected {expected}."
        "请求头格式错误" "请求头 {field}：应为{expected}。";
    NOT_COVERED = "not_covered" 401
        "Signature covers too little" "The signature does not cover {field}."
        "签名覆盖不足" "签名未覆盖 {field}。";
    BAD_SIGNATURE = "bad_signature" 401
        "Signature not valid" "The signature is not valid: check keyid, secret and the components as they were sent."
        "签名无效" "签名无效：请检查 keyid、密钥以及实际发送的各个组成部分。";
    STALE_SIGNATURE = "stale_signature" 401
        "Signature too old" "Signed {skew_s} seconds away from the server's clock, at most {max_s} are allowed."
        "签名已过期" "签名时间与服务器时钟相差 {skew_s} 秒，最多允许 {max_s} 秒。";
    BAD_DIGEST = "bad_digest" 400
        "Digest differs" "The body does not match Content-Digest."
        "摘要不符" "请求正文与 Content-Digest 不符。";
    MALFORMED_BODY = "malformed_body" 400
        "Malformed body" "At byte {offset}: expected {expected}."
        "正文格式错误" "第 {offset} 字节处：应为{expected}。";
    WRONG_ADDRESS = "wrong_address" 404
        "Wrong address" "This address takes {expected}."
        "地址错误" "此地址接受{expected}。";
    NO_SUCH_ADDRESS = "no_such_address" 404
        "No such address" "There is nothing at this address: see /api/v1/openapi.json."
        "地址不存在" "此地址没有内容：请见 /api/v1/openapi.json。";
    METHOD_NOT_ALLOWED = "method_not_allowed" 405
        "Method not allowed" "This address does not take this method: the header Allow lists those it takes."
        "方法不被允许" "此地址不接受该方法：可用方法见 Allow 响应头。";
    BODY_TIMEOUT = "body_timeout" 408
        "Body too slow" "The body did not arrive within {wait_s} seconds."
        "正文传输超时" "请求正文未在 {wait_s} 秒内到达。";
    BODY_CUT_OFF = "body_cut_off" 400
        "Body cut off" "The body ended before its announced length, or its framing is broken."
        "正文不完整" "请求正文在声明的长度之前结束，或分块格式错误。";
    BODY_TOO_LARGE = "body_too_large" 413
        "Body too large" "A body may have at most {max_bytes} bytes."
        "正文过大" "请求正文最多 {max_bytes} 字节。";
    HEAD_TOO_LARGE = "head_too_large" 431
        "Headers too large" "Address and headers together may have at most {max_bytes} bytes, and not too many headers."
        "请求头过大" "地址与请求头合计最多 {max_bytes} 字节，且请求头不得过多。";
    TOO_MANY_AT_ONCE = "too_many_at_once" 429 retry 1
        "Too many at once" "One connection may have at most {max} requests under way: wait for answers first."
        "并发请求过多" "单个连接最多同时处理 {max} 个请求：请先等待应答。";
    WRONG_CERTIFICATE = "wrong_certificate" 403
        "Wrong client certificate" "This channel account takes only requests with the client certificate that is configured for it."
        "客户端证书不符" "该渠道账户仅接受使用为其配置的客户端证书发出的请求。";
    RATE_LIMITED = "rate_limited" 429
        "Too many requests" "This address, account or tenant asks too often: wait {retry_after_s} seconds."
        "请求过于频繁" "该地址、账户或租户的请求过于频繁：请等待 {retry_after_s} 秒。";
    NOT_JSON = "not_json" 415
        "Not JSON" "Send Content-Type: application/json."
        "不是 JSON" "请使用 Content-Type: application/json。";
    NOT_CSV = "not_csv" 415
        "Not CSV" "Send Content-Type: text/csv, in UTF-8 (in spreadsheets: CSV UTF-8)."
        "不是 CSV" "请使用 Content-Type: text/csv，编码为 UTF-8（表格软件中选择 CSV UTF-8）。";
    NOT_OCTETS = "not_octet_stream" 415
        "Not sent as a file" "Send Content-Type: application/octet-stream; the content decides what the file is."
        "发送方式不符" "请使用 Content-Type: application/octet-stream；文件类型由内容判断。";
    PROVIDER_UNAVAILABLE = "provider_unavailable" 503 retry 5
        "Identity provider unavailable" "The bank's identity provider did not do as it should: expected {expected}."
        "身份提供方不可用" "银行的身份提供方未正常响应：应为{expected}。";
    PROVIDER_REFUSED = "provider_refused" 403
        "Login refused" "This login by the bank's identity provider can't be taken: expected {expected}. Begin again."
        "登录被拒绝" "无法接受此次通过银行身份提供方的登录：应为{expected}。请重新开始。";
    WRONG_ORIGIN = "wrong_origin" 403
        "Another site's request" "A page of another site can't act for somebody who is logged in here."
        "跨站请求" "其他网站的页面不能代替已登录的用户操作。";
    BAD_REQUEST = "bad_request" 400
        "Bad request" "The request is not well-formed HTTP."
        "请求错误" "请求不是格式正确的 HTTP。";
    INTERNAL = "internal" 500
        "Internal error" "The server failed; the operator finds it in the log by the request's id."
        "内部错误" "服务器出错；运维人员可按请求编号在日志中查找。";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_words_and_both_languages_fill_in_the_same() {
        let blanks = |text: &str| -> BTreeSet<String> {
            text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
        };
        let codes: BTreeSet<&str> = ALL.iter().map(|kind| kind.code).collect();
        assert_eq!(codes.len(), ALL.len());
        for kind in ALL {
            assert!(kind.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", kind.code);
            assert!((400..600).contains(&kind.status));
            assert_eq!(blanks(kind.en.1), blanks(kind.zh.1), "{}", kind.code);
            assert!(kind.status != 503 || kind.retry_after_s.is_some(), "{}", kind.code);
        }
    }
}
