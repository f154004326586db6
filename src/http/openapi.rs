//! The description of the interface, OpenAPI 3.1, made from the handlers themselves.

use std::sync::LazyLock;

use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use super::api::{
    accounts, amendments, channels, custody, desk, erasures, evidence, files, handover, health, history, leaving,
    ledger, live, oidc, own, policies, receipts, replies, reports, sessions, tlog, unmaskings,
};
use super::problem::codes;

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
        oidc::methods,
        oidc::begin,
        oidc::end,
        oidc::logout,
        own::show_factor,
        own::enrol,
        own::confirm,
        own::sessions,
        own::end_others,
        own::end_one,
        accounts::list,
        accounts::create,
        accounts::import,
        accounts::change,
        accounts::unlock,
        accounts::reset,
        accounts::remove_factor,
        accounts::end_sessions,
        desk::own_presence,
        desk::presence,
        desk::colleagues,
        desk::conversations,
        desk::count,
        desk::queues,
        desk::targets,
        replies::list,
        replies::create,
        replies::change,
        replies::remove,
        desk::open,
        desk::reply,
        leaving::withdraw,
        leaving::counts,
        handover::note,
        handover::transfer,
        handover::take,
        desk::close,
        desk::solve,
        live::visit,
        live::preflight,
        live::open,
        live::stream,
        live::updates,
        live::earlier,
        live::frame,
        receipts::receipt,
        receipts::preflight,
        receipts::vkey,
        receipts::rotations,
        receipts::generations,
        live::desk,
        live::desk_stream,
        amendments::assess,
        amendments::list,
        amendments::propose,
        amendments::show,
        amendments::approve,
        amendments::reject,
        amendments::withdraw,
        amendments::review,
        reports::create,
        reports::own,
        reports::list,
        reports::show,
        reports::draft,
        reports::decline,
        unmaskings::request,
        unmaskings::compare,
        unmaskings::list,
        unmaskings::show,
        unmaskings::approve,
        unmaskings::reject,
        unmaskings::open,
        history::preview,
        history::previews,
        history::show_preview,
        history::end_preview,
        history::begin_remasking,
        history::remasking,
        history::end_remasking,
        history::begin_shadow,
        history::shadow,
        history::end_shadow,
        history::drafts,
        history::save_draft,
        history::show_draft,
        history::rewrite_draft,
        history::remove_draft,
        erasures::list,
        erasures::propose,
        erasures::approve,
        erasures::reject,
        erasures::certificate,
        erasures::holds,
        erasures::hold,
        erasures::release,
        ledger::head,
        ledger::keys,
        ledger::entries,
        ledger::entry,
        ledger::proof,
        ledger::consistency,
        files::upload,
        files::fetch,
        files::send,
        files::get,
        files::reply,
        evidence::create,
        evidence::list,
        evidence::show,
        evidence::package,
        evidence::remove,
        evidence::messages,
        custody::custody,
        tlog::checkpoint,
        tlog::tile,
        tlog::shadow_tile,
        policies::masking,
        policies::attempt,
        policies::routing,
        health::system,
        health::alive,
        health::ready,
        health::description,
    )
)]
struct Api;

/// The description as a document; it lists the codes of all problems.
pub fn document() -> Document {
    let mut document = Api::openapi();
    let codes = codes().collect::<Vec<_>>().join("`, `");
    let description = document.info.description.take().unwrap_or_default();
    document.info.description = Some(format!("{description} Codes of problems: `{codes}`."));
    document
}

/// The document's text, made once: whoever asks for it is nobody yet, and making it costs more than anything else they can ask for.
static TEXT: LazyLock<Option<String>> = LazyLock::new(|| document().to_json().ok());

/// The description as it is answered; `None` when it can't be written, which a test excludes.
pub fn text() -> Option<&'static str> {
    TEXT.as_deref()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::routes::ADDRESSES;

    #[test]
    fn every_route_is_described_and_every_description_is_a_route() {
        let routed: BTreeSet<(String, String)> = ADDRESSES
            .iter()
            .flat_map(|address| address.methods.iter().map(|(method, _)| (address.path.into(), (*method).into())))
            .collect();
        let described = serde_json::to_value(document()).unwrap();
        let paths = described["paths"].as_object().unwrap().iter();
        let described: BTreeSet<(String, String)> = paths
            .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())))
            .collect();
        assert_eq!(routed, described);
    }

    #[test]
    fn the_description_is_openapi_3_1_and_names_every_reference() {
        let text = text().unwrap();
        assert!(text.starts_with("{\"openapi\":\"3.1"), "{}", &text[..40]);
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(value.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
