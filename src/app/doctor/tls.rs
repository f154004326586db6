//! The certificate that HTTPS shows: how long it is valid, whether its key fits, and that a development certificate stays at
//! home.

use std::net::SocketAddr;

use super::{Check, Said, said};
use crate::app::config::HttpConfig;
use crate::crypto::KeyError;
use crate::crypto::certificate::{Chain, read_chain};
use crate::crypto::dev_ca::{OldestTls, TlsError, server_config};
use crate::crypto::live_authority::LiveAuthority;
use crate::units::{MICROS_PER_SECOND, Timestamp};

const DAY_MICROS: i64 = 86_400 * MICROS_PER_SECOND;
/// A certificate should be replaced when fewer days are left.
pub(super) const WARN_DAYS: i64 = 30;

/// All checks of the certificate; `demo` says that nobody but demo tenants is served.
pub(super) fn examine(http: &HttpConfig, demo: bool, now: Timestamp) -> Vec<Check> {
    shown(http, demo, now).into_iter().chain(revoked(http, now)).collect()
}

/// Judges the CA of client certificates and its lists of revoked ones, where there is a list.
fn revoked(http: &HttpConfig, now: Timestamp) -> Option<Check> {
    let code = "tls.client_crl";
    let authority = http.client_authority().filter(|authority| authority.crl.is_some())?;
    let fetch =
        || said("put the CA's present list there as http.client_crl", "将证书机构的最新吊销列表放到 http.client_crl");
    let end = match LiveAuthority::open(&authority, true) {
        Ok(authority) => authority.crl_end()?,
        Err(error) => {
            return Some(Check::fail(code, said(error.to_string(), format!("吊销列表无法使用：{error}")), fetch()));
        }
    };
    let shown = minute(end);
    let found = said(format!("the list holds until {shown}"), format!("吊销列表有效期至 {shown}"));
    Some(if end < now {
        let found = said(
            format!("the list is over since {shown}: no client certificate is taken"),
            format!("吊销列表已于 {shown} 过期，所有客户端证书均被拒绝"),
        );
        Check::fail(code, found, fetch())
    } else if end.as_micros() - now.as_micros() < DAY_MICROS / 2 {
        Check::warn(code, found, fetch())
    } else {
        Check::ok(code, found)
    })
}

/// The certificate that HTTPS shows.
fn shown(http: &HttpConfig, demo: bool, now: Timestamp) -> Vec<Check> {
    let Some(files) = &http.tls else { return vec![development(http.listen, demo)] };
    let chain = match read_chain(&files.certificate) {
        Ok(chain) => chain,
        Err(error) => {
            let found = said(error.to_string(), format!("证书无法读取：{error}"));
            return vec![Check::fail("tls.certificate", found, renew())];
        }
    };
    let key = match server_config(&files.certificate, &files.private_key, OldestTls::V13) {
        Ok(_) => Check::ok("tls.key", said("the key fits the certificate", "私钥与证书匹配")),
        Err(TlsError::Key(KeyError::Mode { .. })) => Check::skipped(
            "tls.key",
            said(
                "not read while others can reach it: see files.tls_key",
                "其他用户可以访问私钥，未读取：见 files.tls_key",
            ),
        ),
        Err(error) => Check::fail(
            "tls.key",
            said(error.to_string(), format!("私钥不可用或与证书不匹配：{error}")),
            said(
                "name the key of this certificate, mode 0600, as http.private_key",
                "将该证书对应的私钥（权限 0600）配置为 http.private_key",
            ),
        ),
    };
    let mut checks = vec![valid(&chain, now), key];
    if chain.development {
        checks.push(development(http.listen, demo));
    }
    checks
}

/// Judges how long a certificate is valid.
pub(super) fn valid(chain: &Chain, now: Timestamp) -> Check {
    let code = "tls.certificate";
    let days = (chain.until.as_micros() - now.as_micros()).div_euclid(DAY_MICROS);
    let until = minute(chain.until);
    if days < 0 {
        return Check::fail(code, said(format!("expired at {until}"), format!("证书已于 {until} 过期")), renew());
    }
    if chain.from.as_micros() > now.as_micros() {
        let from = minute(chain.from);
        let found = said(format!("not valid before {from}"), format!("证书自 {from} 起才有效"));
        return Check::fail(code, found, said("check the clock, or the certificate", "检查系统时钟或证书"));
    }
    let found = said(format!("valid until {until}, {days} days left"), format!("有效期至 {until}，还剩 {days} 天"));
    if days < WARN_DAYS { Check::warn(code, found, renew()) } else { Check::ok(code, found) }
}

/// Judges the development certificate at an address.
pub(super) fn development(listen: SocketAddr, demo: bool) -> Check {
    let code = "tls.development";
    let found = said(format!("the development certificate is used at {listen}"), format!("{listen} 使用开发证书"));
    let change = said(
        "configure http.certificate and http.private_key from your certificate authority",
        "配置由贵行证书机构签发的 http.certificate 与 http.private_key",
    );
    match (listen.ip().is_loopback(), demo) {
        (false, _) => Check::fail(code, found, change),
        (true, false) => Check::warn(code, found, change),
        (true, true) => Check::ok(code, found),
    }
}

/// A time as people read it.
fn minute(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " "))
}

fn renew() -> Said {
    said(
        "put a new certificate and its key in place; the server takes them without a restart",
        "更换新证书及私钥，服务无需重启即可生效",
    )
}
