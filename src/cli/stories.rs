//! What fills a new demo tenant: twenty conversations in two languages, sent, answered and ended over the API as a bank's
//! app and an agent would, so that everything that the screens show is recorded and provable.
//!
//! Names, numbers and addresses are made up; card numbers are those that card schemes print in their documentation.

use std::path::PathBuf;
use std::sync::Arc;

use super::CommandError;
use super::demo::{DemoError, Players, assigned};
use super::run::Running;
use crate::app::{COLLEAGUE, OneTimePassword, Served};
use crate::crypto::SystemClock;
use crate::ports::Clock;

/// How a conversation ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nobody has answered yet.
    Waits,
    /// It was answered and goes on.
    Open,
    /// It is solved unless the customer writes again.
    Solved,
    /// It is over.
    Closed,
}

/// Who says a line.
use Line::{Bank, Customer};
enum Line {
    Customer(&'static str),
    Bank(&'static str),
}

/// A conversation: who it is with, what is said, how it ends.
type Story = (&'static str, &'static [Line], End);

/// Those that wait stand last: the colleague is gone by then.
const STORIES: [Story; 20] = [
    (
        "li-na",
        &[
            Customer("你好，我的信用卡丢了，卡号 6222 0212 3456 7890 128，麻烦马上挂失。"),
            Bank("您好，已为您临时挂失，请放心。方便核实一下您的身份吗？"),
            Customer("身份证 11010519491231002X，手机一三八零零一三八〇〇〇"),
            Bank("核实通过，新卡三个工作日内寄出。请不要把验证码告诉任何人。"),
        ],
        End::Closed,
    ),
    (
        "james-miller",
        &[
            Customer("Hi, my card 4111-1111-1111-1111 was charged twice yesterday."),
            Bank("Sorry about that. I can see both charges; the second one has been reversed."),
            Customer("Great, thank you!"),
        ],
        End::Closed,
    ),
    (
        "wang-wei",
        &[
            Customer("请问三年期定期存款现在利率是多少？"),
            Bank("您好，三年期整存整取请以网点当日公示为准，需要我帮您预约吗？"),
        ],
        End::Solved,
    ),
    (
        "zhang-min",
        &[
            Customer("网银登录提示密码错误，我密码是 abc12345 没错啊"),
            Bank("您好，请不要在对话里发送密码，建议您马上修改。重置入口在登录页下方。"),
            Customer("好的，改好了"),
        ],
        End::Closed,
    ),
    (
        "emma-brown",
        &[
            Customer("How do I update my mailing address? You can reach me at emma.brown@example.com"),
            Bank("You can change it in the app under Profile, or at any branch with your ID."),
        ],
        End::Solved,
    ),
    (
        "liu-yang",
        &[
            Customer("转账 5 万到 6217 0012 3456 7890 124，显示处理中两个小时了"),
            Bank("您好，该笔跨行转账正在清算，预计今天 18:00 前到账。"),
            Customer("收到了，谢谢"),
        ],
        End::Closed,
    ),
    (
        "chen-jing",
        &[
            Customer("理财到期了怎么没自动赎回？"),
            Bank("您好，到期日是今天，资金将在晚上入账。投资有风险，购买前请阅读说明书。"),
        ],
        End::Solved,
    ),
    (
        "olivia-davis",
        &[
            Customer("I got a text asking for my one-time code 483920. Is that really you?"),
            Bank("No. We never ask for codes. Please don't share it and delete that message."),
            Customer("Thanks, I won't."),
        ],
        End::Closed,
    ),
    (
        "zhao-lei",
        &[
            Customer("企业账户年检需要什么材料？统一社会信用代码 91350100M000100Y43"),
            Bank("您好，请带营业执照正副本、法人身份证到开户网点。"),
        ],
        End::Solved,
    ),
    (
        "sun-li",
        &[
            Customer("我要投诉，排队一个小时没人理！"),
            Bank("非常抱歉让您久等了。我把情况记录给网点负责人，今天内给您回电。"),
        ],
        End::Open,
    ),
    (
        "noah-wilson",
        &[
            Customer("Can I raise the daily limit on my debit card for one day? I'm buying a car."),
            Bank("Yes. I need to verify you first; could you confirm the last four digits of your phone?"),
            Customer("It's 138 0013 8000"),
        ],
        End::Open,
    ),
    (
        "zhou-jie",
        &[
            Customer("房贷提前还款要预约吗"),
            Bank("您好，需要提前十五天预约，我这边可以帮您登记。"),
            Customer("好，登记一下，打我手机 13912345678"),
        ],
        End::Open,
    ),
    (
        "wu-fang",
        &[
            Customer("老人不会用手机银行，能打电话办吗？座机 010-88886666"),
            Bank("可以的，我们可以安排上门，请留一个方便的时间。"),
        ],
        End::Open,
    ),
    (
        "sophia-moore",
        &[
            Customer("My transfer to IBAN DE89 3704 0044 0532 0130 00 is still pending."),
            Bank("It left us this morning; the other bank usually books it within a day."),
        ],
        End::Open,
    ),
    ("xu-hui", &[Customer("你们 APP 更新以后打不开了")], End::Waits),
    ("ma-chao", &[Customer("银行卡被吞了，卡号六二二二零二一二三四五六七八九零一二八，怎么办？")], End::Waits),
    ("ava-taylor", &[Customer("Is the branch on Main Street open on Saturday?")], End::Waits),
    ("guo-ying", &[Customer("信用卡账单怎么多了一笔 38.80 的费用")], End::Waits),
    (
        "lucas-white",
        &[Customer("I think somebody else used my card. It ends in 1111, cvv 123. Please block it!")],
        End::Waits,
    ),
    ("he-qing", &[Customer("想咨询一下外汇牌价，请打我手机一三九八七六五四三二一")], End::Waits),
];

/// A new demo tenant, and who fills it.
pub(super) struct Stage {
    players: Players,
    served: Arc<Served>,
    proposed: PathBuf,
}

impl Stage {
    /// Sets the stage; `None` when nobody was made to answer.
    ///
    /// # Errors
    /// [`CommandError`] when the demo tenant is not as it should be.
    pub(super) fn of(running: &Running) -> Result<Option<Self>, CommandError> {
        if !running.passwords.iter().any(|one| one.login == COLLEAGUE) {
            return Ok(None);
        }
        let served = running.app.tenants.iter().find(|served| served.config.as_ref().is_some_and(|config| config.demo));
        let served = Arc::clone(served.ok_or(DemoError::Missing("tenant"))?);
        let proposed = running.app.config.proposed_policy();
        Ok(Some(Self { players: Players::of(running, COLLEAGUE)?, served, proposed }))
    }

    /// Plays every story. Returns the colleague's one-time password: the one that there was is used up.
    ///
    /// # Errors
    /// [`DemoError`] when a request fails; what was said until then stays.
    pub(super) async fn play(self) -> Result<OneTimePassword, DemoError> {
        let Self { players, served, proposed } = self;
        let desk = &players.desk;
        players.begin(COLLEAGUE).await?;
        let (waiting, answered): (Vec<_>, Vec<_>) = STORIES.iter().partition(|(_, _, end)| *end == End::Waits);
        for story in answered {
            tell(&players, story).await?;
        }
        desk.set_online(false).await?;
        for story in waiting {
            tell(&players, story).await?;
        }
        desk.logout().await?;
        served.propose_policy(&proposed).await.map_err(DemoError::File)?;
        served.reset(COLLEAGUE).await.map_err(|error| DemoError::Refused(error.to_string()))
    }
}

async fn tell(Players { app, key, desk, .. }: &Players, (who, lines, end): &Story) -> Result<(), DemoError> {
    let mut conversation = String::new();
    for (at, line) in lines.iter().enumerate() {
        let unique = format!("story-{who}-{at}");
        match line {
            Customer(text) => {
                conversation = app.send_message(key, (who, text), &unique, SystemClock.now()).await?.conversation;
            }
            Bank(text) => {
                assigned(desk, &conversation).await?;
                desk.reply(&conversation, text, &unique).await?;
            }
        }
    }
    match end {
        End::Waits | End::Open => {}
        End::Solved => desk.solve(&conversation).await?,
        End::Closed => desk.close(&conversation).await?,
    }
    Ok(())
}
