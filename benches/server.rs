//! A message by the whole server against a plain JSON POST, in one run.
//!
//! All over plain HTTP on loopback by the same load generator. There are two plain ones: to the same server, a frame of a widget
//! that says that somebody types (its gates, the visitor's token, the JSON; nothing is recorded), and to a bare actix-web that
//! does nothing but parse the JSON of the same signed requests and answer with as many bytes. The whole one verifies the
//! signature, masks, seals, records durably and answers with a receipt. Goals: 30 % (moonshot 50 %) of the same server's
//! plain rate, and p99 under 50 ms at half of its own. Arguments: `-- [seconds]`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark prints figures and stops at the first thing that is wrong"
)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use liaowaiwai::cli::client::{Call, ChannelKey, Client};
use liaowaiwai::crypto::SystemClock;
use liaowaiwai::ports::Clock;
use serde::Deserialize;

/// The plain server gets what `lww` has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WORKERS: usize = 256;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// One message in ten is sensitive.
const TEXTS: [&str; 10] = [
    "你好,我想问一下信用卡账单的还款日是哪一天,这个月可以延后几天吗?谢谢。",
    "请问你们周末营业吗?我想去网点办理业务,大概需要排队多久?",
    "Hello, I would like to know whether the transfer limit can be raised for one day.",
    "好的,明白了,我先试一下,如果还不行再来找你。",
    "手机银行登录之后一直转圈,重装了也不行,帮我看看是什么原因。",
    "我的卡号是6222 0212 3456 7890 128,手机号138 0013 8000,帮我查一下。",
    "The app shows an error when I open the statement of last month.",
    "理财产品到期之后会自动赎回吗?收益什么时候到账?",
    "不用了,谢谢你的耐心解答,祝工作顺利。",
    "可以帮我转人工吗?机器人说的我没听懂。",
];

#[derive(Deserialize)]
struct Body {
    contact: String,
    text: String,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if std::env::args().any(|argument| argument == "--plain-server") {
        runtime.block_on(plain_server());
    } else {
        runtime.block_on(measure());
    }
}

async fn plain_server() {
    let plain = |body: web::Json<Body>| async move {
        HttpResponse::Ok()
            .json(serde_json::json!({"contact": body.contact, "text": body.text, "receipt": "x".repeat(1500)}))
    };
    let server = HttpServer::new(move || App::new().route("/{path:.*}", web::post().to(plain)))
        .workers(std::thread::available_parallelism().map_or(1, usize::from))
        .bind("127.0.0.1:0")
        .expect("an address");
    println!("{}", server.addrs()[0]);
    server.run().await.expect("it serves");
}

async fn measure() {
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(10);
    let this = std::env::current_exe().expect("this program");
    let (plain, line) = spawn(Command::new(this).arg("--plain-server"));
    let address = line.trim().parse().expect("an address");
    let baseline = closed_loop(address, seconds, Load::Messages("plain")).await;
    drop(plain);
    println!(
        "plain JSON POST, bare actix-web    {:>8.0} requests/s   p50 {:.1} ms  p99 {:.1} ms",
        baseline.rate, baseline.p50, baseline.p99
    );

    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let (server, line) = spawn(
        Command::new(env!("CARGO_BIN_EXE_lww")).args(["run", "--json", "--config"]).arg(configure(folder.path())),
    );
    let said: serde_json::Value = serde_json::from_str(&line).expect("the server's first line");
    let address = said["http"]
        .as_str()
        .and_then(|url| url.strip_prefix("http://"))
        .expect("an address")
        .parse()
        .expect("an address");
    let token = visit(address).await;
    let same = closed_loop(address, seconds, Load::Typing(token)).await;
    println!(
        "plain JSON POST, the same server   {:>8.0} requests/s   p50 {:.1} ms  p99 {:.1} ms",
        same.rate, same.p50, same.p99
    );
    // Connections, caches and PostgreSQL's buffers as they are in use.
    closed_loop(address, 5, Load::Messages("warm")).await;
    let whole = closed_loop(address, seconds, Load::Messages("full")).await;
    println!(
        "mask, seal, record, acknowledge    {:>8.0} messages/s   p50 {:.1} ms  p99 {:.1} ms",
        whole.rate, whole.p50, whole.p99
    );
    println!(
        "ratio                              {:>8.1} %            goal 30 %, moonshot 50 %   (to bare actix-web {:.1} %)",
        100.0 * whole.rate / same.rate,
        100.0 * whole.rate / baseline.rate
    );
    let half = open_loop(address, seconds, whole.rate / 2.0).await;
    println!(
        "at half of that load               {:>8.0} messages/s   p50 {:.1} ms  p99 {:.1} ms   goal p99 50 ms",
        half.rate, half.p50, half.p99
    );
    drop(server);
}

/// A server, which ends with this program whatever went wrong.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        let _ended_already = Command::new("kill").args(["-TERM", &pid]).stderr(Stdio::null()).status();
        let _gone = self.0.wait();
    }
}

fn spawn(command: &mut Command) -> (Running, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("a process");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its first line");
    (Running(child), line)
}

fn configure(folder: &Path) -> std::path::PathBuf {
    let secret = folder.join("secret");
    std::fs::write(&secret, SECRET).expect("a file");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    let text = format!(
        "data_dir = \"{}\"\n[http]\nlisten = \"127.0.0.1:0\"\ntrial_listen = \"127.0.0.1:0\"\nvisitor_requests_per_s = 1000000\nchannel_requests_per_s = 1000000\ntenant_requests_per_s = 1000000\ncerts_dir = \"{}\"\n\n[log]\nlevel = \"warn\"\n\n\
         [[tenant]]\nname = \"demo\"\ndemo = true\n\n[[tenant.channel]]\nchannel = \"http\"\naccount = \"app\"\nkey_id = \"bench\"\n\
         secret = \"secret://file{secret}\"\n\n[[tenant.channel]]\nchannel = \"web\"\naccount = \"widget\"\nkey_id = \"widget\"\n\
         secret = \"secret://file{secret}\"\n",
        folder.join("data").display(),
        folder.join("certs").display(),
        secret = secret.display()
    );
    let path = folder.join("lww.toml");
    std::fs::write(&path, text).expect("a file");
    path
}

struct Figures {
    rate: f64,
    p50: f64,
    p99: f64,
}

fn figures(mut waits: Vec<Duration>, took: Duration) -> Figures {
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    Figures { rate: waits.len() as f64 / took.as_secs_f64(), p50: at(0.5), p99: at(0.99) }
}

/// What is sent again and again.
#[derive(Clone)]
enum Load {
    /// Signed messages, by the name of the run that keys are told apart by.
    Messages(&'static str),
    /// A visitor with this token types.
    Typing(String),
}

const WIDGET: &str = "/api/v1/channels/web/demo/widget";

fn post(part: &str, headers: Vec<(&'static str, String)>, body: &str) -> Call {
    let body = Some(body.as_bytes().to_vec().into());
    Call { method: "POST", target: format!("{WIDGET}/{part}"), headers, body }
}

/// The token of a new visitor, as soon as the server that has just begun serves its tenant.
async fn visit(address: SocketAddr) -> String {
    let client = Client::http(address);
    let mut begun = client.send(post("visits", Vec::new(), "{}")).await.expect("a visit");
    while begun.status == 503 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        begun = client.send(post("visits", Vec::new(), "{}")).await.expect("a visit");
    }
    assert_eq!(begun.status, 201, "no visit");
    let begun: serde_json::Value = serde_json::from_slice(&begun.body).expect("JSON");
    begun["token"].as_str().expect("a token").to_owned()
}

async fn types(client: &Client, token: &str) {
    let headers = vec![("authorization", format!("Bearer {token}"))];
    let answer = client.send(post("frames", headers, r#"{"type":"typing"}"#)).await.expect("an answer");
    assert_eq!(answer.status, 204, "nobody may type");
}

async fn send(client: &Client, key: &ChannelKey, worker: usize, count: u64, run: &str) {
    let text = TEXTS[count as usize % TEXTS.len()];
    let contact = format!("{run}-customer-{worker}");
    let call = client.signed_message(key, (&contact, text), &format!("{run}-{worker}-{count}"), SystemClock.now());
    match client.send(call).await {
        Ok(answer) if answer.status / 100 == 2 => {}
        Ok(answer) => panic!("status {}", answer.status),
        Err(error) => panic!("{error}"),
    }
}

fn key() -> ChannelKey {
    ChannelKey {
        tenant: "demo".to_owned(),
        account: "app".to_owned(),
        keyid: "bench".to_owned(),
        secret: SECRET.to_vec().into(),
    }
}

/// Each worker sends its next message when it has the answer to the one before.
async fn closed_loop(address: SocketAddr, seconds: u64, load: Load) -> Figures {
    let began = Instant::now();
    let until = began + Duration::from_secs(seconds);
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let load = load.clone();
            tokio::spawn(async move {
                let (client, key) = (Client::http(address), key());
                let mut waits = Vec::new();
                while Instant::now() < until {
                    let sent = Instant::now();
                    match &load {
                        Load::Messages(run) => send(&client, &key, worker, waits.len() as u64, run).await,
                        Load::Typing(token) => types(&client, token).await,
                    }
                    waits.push(sent.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for worker in workers {
        waits.extend(worker.await.expect("a worker"));
    }
    figures(waits, began.elapsed())
}

/// Messages leave on schedule, whatever the answers take; waits count from the scheduled instant.
async fn open_loop(address: SocketAddr, seconds: u64, rate: f64) -> Figures {
    let began = Instant::now();
    let total = (rate * seconds as f64) as u64;
    let next = Arc::new(AtomicU64::new(0));
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let next = Arc::clone(&next);
            tokio::spawn(async move {
                let (client, key) = (Client::http(address), key());
                let mut waits = Vec::new();
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= total {
                        return waits;
                    }
                    let due = began + Duration::from_secs_f64(turn as f64 / rate);
                    tokio::time::sleep_until(due.into()).await;
                    send(&client, &key, worker, turn, "half").await;
                    waits.push(due.elapsed());
                }
            })
        })
        .collect();
    let mut waits = Vec::new();
    for worker in workers {
        waits.extend(worker.await.expect("a worker"));
    }
    figures(waits, began.elapsed())
}
