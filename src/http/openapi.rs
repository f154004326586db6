//! The description of the interface, OpenAPI 3.1, made from the handlers themselves.

use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use super::api::{channels, desk, health, ledger, sessions};

#[derive(OpenApi)]
#[openapi(
    info(title = "Liaowaiwai", description = "Every message is masked, recorded, and only then routed."),
    paths(
        channels::send,
        channels::read,
        sessions::begin,
        sessions::show,
        sessions::end,
        sessions::change_password,
        desk::presence,
        desk::conversations,
        desk::open,
        desk::reply,
        desk::close,
        ledger::head,
        health::alive,
        health::ready,
        health::description,
    )
)]
struct Api;

/// The description as a document.
pub fn document() -> Document {
    Api::openapi()
}
