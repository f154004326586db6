//! What `lww run` says once it answers: where to look, who may log in, and how to reach it from elsewhere.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::run::Running;
use super::screen;
use super::stories::Stage;
use crate::app::{OneTimePassword, Supervision};

/// Where a server is, and what is told only now.
pub(super) struct Welcome {
    role: Supervision,
    https: Option<SocketAddr>,
    http: Option<SocketAddr>,
    machines: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    data: PathBuf,
    demos: Vec<String>,
    passwords: Vec<OneTimePassword>,
    sheet: PathBuf,
}

impl Welcome {
    /// Takes what there is to tell.
    pub(super) fn of(running: &mut Running, sheet: PathBuf) -> Self {
        let config = &running.app.config;
        Self {
            role: running.role,
            https: running.https,
            http: running.http,
            machines: running.machines,
            metrics: running.metrics,
            data: config.data_dir.clone(),
            demos: config.tenants.iter().filter(|tenant| tenant.demo).map(|tenant| tenant.name.clone()).collect(),
            passwords: std::mem::take(&mut running.passwords),
            sheet,
        }
    }

    /// Fills a new demo tenant and then says everything.
    pub(super) async fn tell(mut self, stage: Option<Stage>, as_json: bool) {
        if let Some(stage) = stage {
            screen::progress("Filling the demo tenant with twenty conversations (a few seconds)");
            match stage.play().await {
                Ok(password) => {
                    self.passwords.retain(|one| one.login != password.login);
                    self.passwords.push(password);
                }
                Err(error) => screen::progress(&format!("the demo tenant is not filled: {error}")),
            }
        }
        if as_json {
            screen::line(&self.json());
        } else {
            self.print();
        }
    }

    fn json(&self) -> String {
        let account = |one: &OneTimePassword| serde_json::json!({"tenant": one.tenant, "login": one.login, "password": one.shown()});
        serde_json::json!({
            "https": self.https.map(|address| format!("https://localhost:{}", address.port())),
            "http": self.http.map(|address| format!("http://{address}")),
            "machines": self.machines.map(|address| format!("https://localhost:{}", address.port())),
            "metrics": self.metrics.map(|address| format!("http://{address}/metrics")),
            "role": match self.role { Supervision::Active => "active", Supervision::Standby => "standby" },
            "key_sheet": self.sheet,
            "accounts": self.passwords.iter().map(account).collect::<Vec<_>>(),
        })
        .to_string()
    }

    fn print(&self) {
        screen::line("");
        match self.role {
            Supervision::Active => screen::line(&screen::good("聊歪歪 Liaowaiwai is up.")),
            Supervision::Standby => screen::line("聊歪歪 Liaowaiwai stands by: another server writes this ledger."),
        }
        if let Some(address) = self.http {
            let page = |what: &str, path: &str, about: &str| {
                screen::line(&format!(
                    "  {what:<16} {}   ({about})",
                    screen::strong(&format!("http://{address}{path}"))
                ));
            };
            page("console", "/", "plain HTTP, this machine only");
            if !self.demos.is_empty() {
                page(
                    "customer's page",
                    "/demo/",
                    "press On record (已存证) under what you wrote: your browser verifies it",
                );
            }
            screen::line(&format!(
                "  from elsewhere   ssh -L {port}:{address} THIS-MACHINE   then open http://127.0.0.1:{port}/",
                port = address.port()
            ));
        }
        if let Some(address) = self.https {
            let port = address.port();
            screen::line(&format!("  over HTTPS       https://localhost:{port}/   (API at /api/v1/openapi.json)"));
        }
        if let Some(address) = self.machines {
            let port = address.port();
            screen::line(&format!("  for machines     https://localhost:{port}/api/v1   (with client certificate)"));
        }
        if let Some(address) = self.metrics {
            screen::line(&format!("  metrics          http://{address}/metrics"));
        }
        screen::line(&format!("  data             {}", self.data.display()));
        screen::line(&format!(
            "  key sheet        {}   (公钥指纹单: print it, sign it by hand, give it to the auditors)",
            self.sheet.display()
        ));
        for name in &self.demos {
            screen::line(&format!("\nTenant {} is a demo: don't give it real data.", screen::strong(name)));
        }
        if !self.passwords.is_empty() {
            screen::line("One-time passwords, shown only now; each must be changed at the first login:");
            for one in &self.passwords {
                screen::line(&format!("  {:<12} {:<12} {}", one.tenant, one.login, one.shown()));
            }
        }
        screen::line("\nStop it with Ctrl-C. See the whole story in half a minute: ./x run --demo");
    }
}
