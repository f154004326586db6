//! `lww demo`: a scripted conversation on a server of its own, over real HTTPS, then its proofs, then tampering caught.
//!
//! It does what a bank's app, an agent and an auditor would do, with nothing that they couldn't do: signed requests, a
//! login, and the verifier's own library on the files that are left behind.

mod evidence;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use evidence::{Scratch, prove, published};

use super::client::{ChannelKey, Client, ClientError, Listing, Page};
use super::run::Running;
use super::{CommandError, screen};
use crate::app::config::Config;
use crate::app::{AppError, StartOptions};
use crate::crypto::SystemClock;
use crate::ports::Clock;

/// How long the demo waits for something that the server does by itself.
const WAIT: Duration = Duration::from_secs(10);

/// Play a scripted conversation on a server of its own.
#[derive(Args)]
pub struct DemoArgs {
    /// Keep the files: tiles/ (checkpoint and tiles), vkey, receipts/ and data/.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Why the demo did not go as it should.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A request failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A proof does not hold.
    #[error("the proof does not hold: {0}")]
    Proof(#[from] lww_audit::Error),
    /// Tampering went unnoticed.
    #[error("tampering with {0} went unnoticed")]
    Unnoticed(&'static str),
    /// A file can't be written or read.
    #[error("a file of the demo: {0}")]
    File(std::io::Error),
    /// Something did not happen in time.
    #[error("{0} did not happen in time")]
    TooSlow(&'static str),
    /// The folder is in use.
    #[error("{0} exists already: name a folder that does not")]
    Exists(PathBuf),
    /// The server refused an operator's act.
    #[error("the server refused: {0}")]
    Refused(String),
    /// The demo server is not as it should be.
    #[error("the demo server has no {0}")]
    Missing(&'static str),
}

/// Lines of a conversation: who says it, and what.
struct Script {
    title: &'static str,
    contact: &'static str,
    asks: &'static [&'static str],
    answers: &'static [&'static str],
}

const LOST_CARD: Script = Script {
    title: "一位客户挂失银行卡,号码写得五花八门 (a lost card, told in disguised numbers)",
    contact: "customer-zhang",
    asks: &[
        "你好,我的卡丢了,卡号６２２２ ０２１２-3456·7890 128,快帮我挂失!",
        "我的手机是一三八零零一三八〇〇〇,身份证①①010519491231002X",
        "验证码是483920,密码是abc12345,CVV 737",
    ],
    answers: &["您好,已为您挂失。请放心,不要把验证码告诉任何人。", "新卡会寄出,请问还有什么可以帮您?"],
};

const DOUBLE_CHARGE: Script = Script {
    title: "An English conversation follows",
    contact: "customer-smith",
    asks: &[
        "Hi, my card 4111-1111-1111-1111 was charged twice, cvv is 123",
        "You can reach me at john.smith (at) example.com or 138-0013-8000",
    ],
    answers: &["Thank you, the second charge has been reversed."],
};

pub(super) async fn run(args: DemoArgs) -> Result<(), CommandError> {
    let mut scratch = Scratch::make(args.keep.as_deref())?;
    screen::line(&screen::strong("聊歪歪 Liaowaiwai: masked, recorded, routed, answered, proven"));
    let mut config = Config::load(None)?;
    config.move_to(&scratch.folder.join("data"));
    config.http.listen.set_port(0);
    config.http.trial_listen = None;
    config.http.certs_dir = scratch.folder.join("data").join("certs");
    let running = Running::start(config, &StartOptions::default(), &|line| screen::progress(line)).await?;
    let players = Players::of(&running, "agent")?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(running.serve(async move {
        // Dropped or sent: either way the play is over.
        let _over = stopped.await;
    }));
    let played = play(&players, &mut scratch).await;
    let _over = stop.send(());
    let served = serving.await.map_err(|error| std::io::Error::other(error.to_string()))?;
    played?;
    served?;
    Ok(())
}

/// Who takes part, and what they know.
pub(super) struct Players {
    pub(super) app: Client,
    pub(super) key: ChannelKey,
    pub(super) desk: Client,
    password: String,
    vkey: String,
    tiles: PathBuf,
}

impl Players {
    /// Finds the bank's app and an agent of the demo tenant whose one-time password was just made.
    pub(super) fn of(running: &Running, login: &str) -> Result<Self, CommandError> {
        let missing = DemoError::Missing;
        let config = &running.app.config;
        let served = running.app.tenants.iter().find(|served| !served.is_system()).ok_or(missing("tenant"))?;
        let agent = running.passwords.iter().find(|one| one.login == login).ok_or(missing("agent"))?;
        let address = running.https.ok_or(missing("HTTPS"))?;
        let ca = config.http.certs_dir.join("ca.pem");
        let account = config
            .tenants
            .iter()
            .flat_map(|tenant| &tenant.channels)
            .find(|one| one.channel == "http")
            .ok_or(missing("channel"))?;
        let secret = account.secret.resolve(&super::ledger::keys(config)?).map_err(AppError::from)?;
        let app = Client::https(address, &ca).map_err(DemoError::from)?;
        let key = ChannelKey {
            tenant: served.tenant.name.name.clone(),
            account: account.account.clone(),
            keyid: account.key_id.clone(),
            secret: secret.bytes().to_vec().into(),
        };
        Ok(Self {
            desk: app.fresh(),
            app,
            key,
            password: agent.shown().to_owned(),
            vkey: served.tenant.vkey(),
            tiles: config.tiles_dir(&served.log),
        })
    }

    /// The agent logs in, chooses a password and takes conversations.
    pub(super) async fn begin(&self, login: &str) -> Result<(), ClientError> {
        let Self { desk, password, key, .. } = self;
        let chosen = format!("demo-{password}");
        desk.login(&key.tenant, login, password).await?;
        desk.change_password(password, &chosen).await?;
        desk.login(&key.tenant, login, &chosen).await?;
        desk.set_online(true).await
    }
}

/// A lost card and its proof; then, for readers of English, the same once more.
async fn play(players: &Players, scratch: &mut Scratch) -> Result<(), DemoError> {
    players.begin("agent").await?;
    converse(&LOST_CARD, players, scratch).await?;
    prove(players, scratch).await?;
    scratch.farewell();
    converse(&DOUBLE_CHARGE, players, scratch).await?;
    let size = published(players, scratch).await?.checkpoint.size;
    screen::line(&format!(
        "  {} both conversations: {size} entries, {} receipts",
        screen::good("VALID"),
        scratch.receipts()?.len()
    ));
    Ok(())
}

async fn converse(script: &Script, players: &Players, scratch: &mut Scratch) -> Result<(), DemoError> {
    screen::line(&format!("\n{}", screen::strong(script.title)));
    let Players { app, key, desk, .. } = players;
    let mut conversation = None;
    let mut ledger = Vec::new();
    for text in script.asks {
        let sent = (script.contact, *text);
        let accepted = app.send_message(key, sent, &format!("demo-{}", scratch.next()), SystemClock.now()).await?;
        let receipt = accepted.receipt.as_deref().ok_or(DemoError::Missing("receipt"))?;
        ledger.push(scratch.keep_receipt(receipt)?);
        conversation = Some(accepted.conversation);
    }
    let conversation = conversation.ok_or(DemoError::Missing("conversation"))?;
    assigned(desk, &conversation).await?;
    let seen = desk.open(&conversation, Page::default()).await?.messages;
    let own = app.messages(key, script.contact, Page::default(), SystemClock.now()).await?.messages;
    for (at, asked) in script.asks.iter().enumerate() {
        screen::line(&format!("  {} {asked}", screen::strong("customer typed ")));
        let views = [
            ("customer sees  ", own.get(at).map(|message| message.text.as_str())),
            ("agent sees     ", seen.get(at).map(|message| message.text.as_str())),
            ("ledger records ", ledger.get(at).map(String::as_str)),
        ];
        for (who, text) in views {
            screen::line(&format!("    {who} {}", text.ok_or(DemoError::Missing("message"))?));
        }
    }
    for answer in script.answers {
        let accepted = desk.reply(&conversation, answer, &format!("demo-{}", scratch.next())).await?;
        let receipt = accepted.receipt.as_deref().ok_or(DemoError::Missing("receipt"))?;
        scratch.keep_receipt(receipt)?;
        screen::line(&format!("  {} {answer}", screen::strong("agent answered ")));
    }
    let after = Page { after: own.last().map(|message| message.index), limit: None };
    let fetched = app.messages(key, script.contact, after, SystemClock.now()).await?.messages;
    screen::line(&format!("    the customer's app fetched {} answer(s) by its cursor", fetched.len()));
    desk.close(&conversation).await?;
    Ok(())
}

/// Waits until the matcher has given the conversation to the agent.
pub(super) async fn assigned(desk: &Client, conversation: &str) -> Result<(), DemoError> {
    let until = tokio::time::Instant::now() + WAIT;
    while tokio::time::Instant::now() < until {
        let held = desk.conversations(Listing { mine: true, ..Listing::default() }).await?.conversations;
        if held.iter().any(|one| one.id == conversation) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(DemoError::TooSlow("the assignment"))
}
