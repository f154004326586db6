//! The table of addresses. A test holds it against the generated description, both ways.

use actix_web::guard::Options;
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, Route};

use super::api::{
    accounts, amendments, channels, custody, desk, erasures, evidence, files, handover, health, history, leaving,
    ledger, live, oidc, own, policies, receipts, replies, reports, sessions, tlog, unmaskings,
};
use super::pages;

/// Asked by machines that look after this server; they hear the truth whatever else their address sends.
pub(super) const HEALTH: [&str; 3] = ["/healthz", "/readyz", METRICS];
/// The one address of the listener for Prometheus; not part of the interface.
const METRICS: &str = "/metrics";

/// One address with its methods.
pub(super) struct Address {
    /// The path's template.
    pub(super) path: &'static str,
    /// Each method with its handler.
    pub(super) methods: &'static [(&'static str, fn() -> Route)],
}

/// Every address that this server answers at.
pub(super) const ADDRESSES: &[Address] = &[
    // Before the addresses that it asks about: the first that fits answers.
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/{part}",
        methods: &[("options", || web::method(Method::OPTIONS).to(live::preflight))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/receipts/{index}",
        methods: &[("options", || web::method(Method::OPTIONS).to(receipts::preflight))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/receipts/{index}",
        methods: &[("get", || web::get().to(receipts::receipt))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/vkey",
        methods: &[("get", || web::get().to(receipts::vkey))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/rotations",
        methods: &[("get", || web::get().to(receipts::rotations))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/generations",
        methods: &[("get", || web::get().to(receipts::generations))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/messages",
        methods: &[("get", || web::get().to(channels::read)), ("post", || web::post().to(channels::send))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/attachments",
        methods: &[("get", || web::get().to(files::fetch)), ("post", || web::post().to(files::upload))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/files",
        methods: &[("get", || web::get().to(files::get)), ("post", || web::post().to(files::send))],
    },
    Address {
        path: "/api/v1/agent/conversations/{id}/attachments",
        methods: &[("post", || web::post().to(files::reply))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/visits",
        methods: &[("post", || web::post().to(live::visit))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/socket",
        methods: &[("get", || web::get().to(live::open))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/events",
        methods: &[("get", || web::get().to(live::stream))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/updates",
        methods: &[("get", || web::get().to(live::updates))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/earlier",
        methods: &[("get", || web::get().to(live::earlier))],
    },
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/frames",
        methods: &[("post", || web::post().to(live::frame))],
    },
    Address { path: "/api/v1/agent/socket", methods: &[("get", || web::get().to(live::desk))] },
    Address { path: "/api/v1/agent/events", methods: &[("get", || web::get().to(live::desk_stream))] },
    Address {
        path: "/api/v1/session",
        methods: &[
            ("get", || web::get().to(sessions::show)),
            ("post", || web::post().to(sessions::begin)),
            ("delete", || web::delete().to(sessions::end)),
        ],
    },
    Address { path: "/api/v1/session/password", methods: &[("post", || web::post().to(sessions::change_password))] },
    Address { path: "/api/v1/session/methods", methods: &[("get", || web::get().to(oidc::methods))] },
    Address { path: "/api/v1/session/oidc/{tenant}", methods: &[("get", || web::get().to(oidc::begin))] },
    Address { path: "/api/v1/session/oidc/{tenant}/callback", methods: &[("get", || web::get().to(oidc::end))] },
    Address {
        path: "/api/v1/session/oidc/{tenant}/backchannel-logout",
        methods: &[("post", || web::post().to(oidc::logout))],
    },
    Address { path: "/api/v1/session/second-factor", methods: &[("post", || web::post().to(own::show_factor))] },
    Address {
        path: "/api/v1/session/second-factor/enrolment",
        methods: &[("post", || web::post().to(own::enrol)), ("put", || web::put().to(own::confirm))],
    },
    Address {
        path: "/api/v1/sessions",
        methods: &[("get", || web::get().to(own::sessions)), ("delete", || web::delete().to(own::end_others))],
    },
    Address { path: "/api/v1/sessions/{id}", methods: &[("delete", || web::delete().to(own::end_one))] },
    Address {
        path: "/api/v1/admin/accounts",
        methods: &[("get", || web::get().to(accounts::list)), ("post", || web::post().to(accounts::create))],
    },
    Address { path: "/api/v1/admin/accounts/import", methods: &[("post", || web::post().to(accounts::import))] },
    Address { path: "/api/v1/admin/accounts/{id}", methods: &[("patch", || web::patch().to(accounts::change))] },
    Address { path: "/api/v1/admin/accounts/{id}/unlock", methods: &[("post", || web::post().to(accounts::unlock))] },
    Address { path: "/api/v1/admin/accounts/{id}/reset", methods: &[("post", || web::post().to(accounts::reset))] },
    Address {
        path: "/api/v1/admin/accounts/{id}/second-factor",
        methods: &[("delete", || web::delete().to(accounts::remove_factor))],
    },
    Address {
        path: "/api/v1/admin/accounts/{id}/sessions",
        methods: &[("delete", || web::delete().to(accounts::end_sessions))],
    },
    Address {
        path: "/api/v1/agent/presence",
        methods: &[("get", || web::get().to(desk::own_presence)), ("put", || web::put().to(desk::presence))],
    },
    Address { path: "/api/v1/agent/colleagues", methods: &[("get", || web::get().to(desk::colleagues))] },
    Address {
        path: "/api/v1/agent/replies",
        methods: &[("get", || web::get().to(replies::list)), ("post", || web::post().to(replies::create))],
    },
    Address {
        path: "/api/v1/agent/replies/{id}",
        methods: &[("put", || web::put().to(replies::change)), ("delete", || web::delete().to(replies::remove))],
    },
    Address {
        path: "/api/v1/agent/reports",
        methods: &[("get", || web::get().to(reports::own)), ("post", || web::post().to(reports::create))],
    },
    Address { path: "/api/v1/policies/masking/reports", methods: &[("get", || web::get().to(reports::list))] },
    Address { path: "/api/v1/policies/masking/reports/{id}", methods: &[("get", || web::get().to(reports::show))] },
    Address {
        path: "/api/v1/policies/masking/reports/{id}/draft",
        methods: &[("post", || web::post().to(reports::draft))],
    },
    Address {
        path: "/api/v1/policies/masking/reports/{id}/decline",
        methods: &[("post", || web::post().to(reports::decline))],
    },
    Address { path: "/api/v1/agent/queues", methods: &[("get", || web::get().to(desk::queues))] },
    Address { path: "/api/v1/agent/queues/targets", methods: &[("get", || web::get().to(desk::targets))] },
    Address { path: "/api/v1/agent/conversations", methods: &[("get", || web::get().to(desk::conversations))] },
    // Before the address of one: the first that fits answers.
    Address { path: "/api/v1/agent/conversations/count", methods: &[("get", || web::get().to(desk::count))] },
    Address { path: "/api/v1/agent/conversations/{id}", methods: &[("get", || web::get().to(desk::open))] },
    Address { path: "/api/v1/agent/conversations/{id}/messages", methods: &[("post", || web::post().to(desk::reply))] },
    Address {
        path: "/api/v1/agent/conversations/{id}/held/withdraw",
        methods: &[("post", || web::post().to(leaving::withdraw))],
    },
    Address { path: "/api/v1/agent/held", methods: &[("get", || web::get().to(leaving::counts))] },
    Address { path: "/api/v1/agent/conversations/{id}/notes", methods: &[("post", || web::post().to(handover::note))] },
    Address {
        path: "/api/v1/agent/conversations/{id}/transfer",
        methods: &[("post", || web::post().to(handover::transfer))],
    },
    Address { path: "/api/v1/agent/conversations/{id}/take", methods: &[("post", || web::post().to(handover::take))] },
    Address { path: "/api/v1/agent/conversations/{id}/solve", methods: &[("post", || web::post().to(desk::solve))] },
    Address { path: "/api/v1/agent/conversations/{id}/close", methods: &[("post", || web::post().to(desk::close))] },
    Address {
        path: "/api/v1/evidence",
        methods: &[("get", || web::get().to(evidence::list)), ("post", || web::post().to(evidence::create))],
    },
    Address {
        path: "/api/v1/evidence/{id}",
        methods: &[("get", || web::get().to(evidence::show)), ("delete", || web::delete().to(evidence::remove))],
    },
    Address { path: "/api/v1/evidence/{id}/package", methods: &[("get", || web::get().to(evidence::package))] },
    Address { path: "/api/v1/ledger/messages", methods: &[("post", || web::post().to(evidence::messages))] },
    Address { path: "/api/v1/policies/masking/assess", methods: &[("post", || web::post().to(amendments::assess))] },
    Address {
        path: "/api/v1/policies/masking/amendments",
        methods: &[("get", || web::get().to(amendments::list)), ("post", || web::post().to(amendments::propose))],
    },
    Address {
        path: "/api/v1/policies/masking/amendments/{id}",
        methods: &[("get", || web::get().to(amendments::show))],
    },
    Address {
        path: "/api/v1/policies/masking/amendments/{id}/approve",
        methods: &[("post", || web::post().to(amendments::approve))],
    },
    Address {
        path: "/api/v1/policies/masking/amendments/{id}/reject",
        methods: &[("post", || web::post().to(amendments::reject))],
    },
    Address {
        path: "/api/v1/policies/masking/amendments/{id}/withdraw",
        methods: &[("post", || web::post().to(amendments::withdraw))],
    },
    Address {
        path: "/api/v1/policies/masking/amendments/{id}/review",
        methods: &[("post", || web::post().to(amendments::review))],
    },
    Address {
        path: "/api/v1/agent/conversations/{id}/unmaskings",
        methods: &[("post", || web::post().to(unmaskings::request))],
    },
    Address {
        path: "/api/v1/agent/conversations/{id}/matches",
        methods: &[("post", || web::post().to(unmaskings::compare))],
    },
    Address { path: "/api/v1/unmaskings", methods: &[("get", || web::get().to(unmaskings::list))] },
    Address { path: "/api/v1/unmaskings/{id}", methods: &[("get", || web::get().to(unmaskings::show))] },
    Address { path: "/api/v1/unmaskings/{id}/approve", methods: &[("post", || web::post().to(unmaskings::approve))] },
    Address { path: "/api/v1/unmaskings/{id}/reject", methods: &[("post", || web::post().to(unmaskings::reject))] },
    Address { path: "/api/v1/unmaskings/{id}/open", methods: &[("post", || web::post().to(unmaskings::open))] },
    Address {
        path: "/api/v1/policies/masking/previews",
        methods: &[("get", || web::get().to(history::previews)), ("post", || web::post().to(history::preview))],
    },
    Address {
        path: "/api/v1/policies/masking/previews/{id}",
        methods: &[
            ("get", || web::get().to(history::show_preview)),
            ("delete", || web::delete().to(history::end_preview)),
        ],
    },
    Address {
        path: "/api/v1/policies/masking/remasking",
        methods: &[
            ("get", || web::get().to(history::remasking)),
            ("post", || web::post().to(history::begin_remasking)),
            ("delete", || web::delete().to(history::end_remasking)),
        ],
    },
    Address {
        path: "/api/v1/policies/masking/shadow",
        methods: &[
            ("get", || web::get().to(history::shadow)),
            ("post", || web::post().to(history::begin_shadow)),
            ("delete", || web::delete().to(history::end_shadow)),
        ],
    },
    Address {
        path: "/api/v1/policies/masking/drafts",
        methods: &[("get", || web::get().to(history::drafts)), ("post", || web::post().to(history::save_draft))],
    },
    Address {
        path: "/api/v1/policies/masking/drafts/{id}",
        methods: &[
            ("get", || web::get().to(history::show_draft)),
            ("put", || web::put().to(history::rewrite_draft)),
            ("delete", || web::delete().to(history::remove_draft)),
        ],
    },
    Address {
        path: "/api/v1/erasures",
        methods: &[("get", || web::get().to(erasures::list)), ("post", || web::post().to(erasures::propose))],
    },
    Address { path: "/api/v1/erasures/{id}/approve", methods: &[("post", || web::post().to(erasures::approve))] },
    Address { path: "/api/v1/erasures/{id}/reject", methods: &[("post", || web::post().to(erasures::reject))] },
    Address { path: "/api/v1/erasures/{id}/certificate", methods: &[("get", || web::get().to(erasures::certificate))] },
    Address {
        path: "/api/v1/holds",
        methods: &[("get", || web::get().to(erasures::holds)), ("post", || web::post().to(erasures::hold))],
    },
    Address { path: "/api/v1/holds/{id}", methods: &[("delete", || web::delete().to(erasures::release))] },
    Address { path: "/api/v1/ledger/head", methods: &[("get", || web::get().to(ledger::head))] },
    Address { path: "/api/v1/ledger/keys", methods: &[("get", || web::get().to(ledger::keys))] },
    Address { path: "/api/v1/ledger/entries", methods: &[("get", || web::get().to(ledger::entries))] },
    Address { path: "/api/v1/ledger/entries/{index}", methods: &[("get", || web::get().to(ledger::entry))] },
    Address { path: "/api/v1/ledger/entries/{index}/proof", methods: &[("get", || web::get().to(ledger::proof))] },
    Address { path: "/api/v1/ledger/consistency", methods: &[("get", || web::get().to(ledger::consistency))] },
    Address { path: "/api/v1/ledger/custody", methods: &[("get", || web::get().to(custody::custody))] },
    Address { path: "/api/v1/ledger/tlog/checkpoint", methods: &[("get", || web::get().to(tlog::checkpoint))] },
    Address { path: "/api/v1/ledger/tlog/tile/{tile}", methods: &[("get", || web::get().to(tlog::tile))] },
    Address { path: "/api/v1/ledger/tlog/sm3/tile/{tile}", methods: &[("get", || web::get().to(tlog::shadow_tile))] },
    Address { path: "/api/v1/policies/masking", methods: &[("get", || web::get().to(policies::masking))] },
    Address { path: "/api/v1/policies/masking/try", methods: &[("post", || web::post().to(policies::attempt))] },
    Address { path: "/api/v1/policies/routing", methods: &[("get", || web::get().to(policies::routing))] },
    Address { path: "/api/v1/system/health", methods: &[("get", || web::get().to(health::system))] },
    Address { path: "/api/v1/openapi.json", methods: &[("get", || web::get().to(health::description))] },
    Address { path: "/healthz", methods: &[("get", || web::get().to(health::alive))] },
    Address { path: "/readyz", methods: &[("get", || web::get().to(health::ready))] },
];

/// Puts every address of the table into an application.
pub(super) fn configure(config: &mut ServiceConfig) {
    put(config, |_| true);
    pages::configure(config);
}

/// Puts the addresses that machines ask into an application: the channels', the published log's, and whether the server lives.
pub(super) fn configure_machines(config: &mut ServiceConfig) {
    put(config, |path| {
        path.starts_with("/api/v1/channels/") || path.starts_with("/api/v1/ledger/tlog/") || HEALTH.contains(&path)
    });
}

/// Puts the address of the metrics into an application of its own.
pub(super) fn configure_metrics(config: &mut ServiceConfig) {
    config.service(Resource::new(METRICS).route(web::get().to(health::metrics)));
}

fn put(config: &mut ServiceConfig, wanted: impl Fn(&str) -> bool) {
    for address in ADDRESSES.iter().filter(|address| wanted(address.path)) {
        // A tile's name has slashes, which the description of the interface can't say of a parameter.
        let path = address.path.replace("{tile}", "{tile:.+}");
        // What takes preflights only leaves every other method to the addresses behind it.
        let bare = match address.methods {
            [("options", _)] => Resource::new(path).guard(Options()),
            _ => Resource::new(path),
        };
        let resource = address.methods.iter().fold(bare, |resource, (_, handler)| resource.route(handler()));
        config.service(resource);
    }
}
