//! The table of addresses. A test holds it against the generated description, both ways.

use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, Route};

use super::api::{accounts, channels, desk, health, ledger, oidc, own, sessions};

/// One address with its methods.
pub(super) struct Address {
    /// The path's template.
    pub(super) path: &'static str,
    /// Each method with its handler.
    pub(super) methods: &'static [(&'static str, fn() -> Route)],
}

/// Every address that this server answers at.
pub(super) const ADDRESSES: &[Address] = &[
    Address {
        path: "/api/v1/channels/{channel}/{tenant}/{account}/messages",
        methods: &[("get", || web::get().to(channels::read)), ("post", || web::post().to(channels::send))],
    },
    Address {
        path: "/api/v1/session",
        methods: &[
            ("get", || web::get().to(sessions::show)),
            ("post", || web::post().to(sessions::begin)),
            ("delete", || web::delete().to(sessions::end)),
        ],
    },
    Address { path: "/api/v1/session/password", methods: &[("post", || web::post().to(sessions::change_password))] },
    Address { path: "/api/v1/session/oidc/{tenant}", methods: &[("get", || web::get().to(oidc::begin))] },
    Address { path: "/api/v1/session/oidc/{tenant}/callback", methods: &[("get", || web::get().to(oidc::end))] },
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
    Address { path: "/api/v1/agent/presence", methods: &[("put", || web::put().to(desk::presence))] },
    Address { path: "/api/v1/agent/conversations", methods: &[("get", || web::get().to(desk::conversations))] },
    Address { path: "/api/v1/agent/conversations/{id}", methods: &[("get", || web::get().to(desk::open))] },
    Address { path: "/api/v1/agent/conversations/{id}/messages", methods: &[("post", || web::post().to(desk::reply))] },
    Address { path: "/api/v1/agent/conversations/{id}/close", methods: &[("post", || web::post().to(desk::close))] },
    Address { path: "/api/v1/ledger/head", methods: &[("get", || web::get().to(ledger::head))] },
    Address { path: "/api/v1/openapi.json", methods: &[("get", || web::get().to(health::description))] },
    Address { path: "/healthz", methods: &[("get", || web::get().to(health::alive))] },
    Address { path: "/readyz", methods: &[("get", || web::get().to(health::ready))] },
];

/// Puts every address of the table into an application.
pub(super) fn configure(config: &mut ServiceConfig) {
    for address in ADDRESSES {
        let resource = address
            .methods
            .iter()
            .fold(Resource::new(address.path), |resource, (_, handler)| resource.route(handler()));
        config.service(resource);
    }
}
