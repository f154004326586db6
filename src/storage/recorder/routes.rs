//! The columns of how conversations are routed. Each row is written whole, whether it is there or not; its conversation's row
//! is written before it.

use super::commit::Columns;
use crate::domain::event::Wish;
use crate::domain::record::{Route, RouteChange};
use crate::units::Timestamp;

pub(super) const ROUTE: &str = "INSERT INTO conversation_route (tenant, conversation, rule, queue, priority, skills, sla_s, sticky, \
    tier, language, weight, waiting, waits_since, let_go, held_since, told_until, wish, opened_seq) SELECT $1, u.*, \
    (SELECT c.opened_seq FROM conversation c WHERE c.tenant = $1 AND c.id = u.id) FROM unnest($2::uuid[], $3::text[], \
    $4::text[], $5::smallint[], $6::text[], $7::integer[], $8::boolean[], $9::text[], $10::text[], $11::integer[], $12::boolean[], \
    $13::bigint[], $14::boolean[], $15::bigint[], $16::bigint[], $17::smallint[]) u(id) ON CONFLICT (tenant, conversation) DO UPDATE SET \
    rule = excluded.rule, queue = excluded.queue, priority = excluded.priority, skills = excluded.skills, sla_s = excluded.sla_s, \
    sticky = excluded.sticky, tier = excluded.tier, language = excluded.language, weight = excluded.weight, \
    waiting = excluded.waiting, waits_since = excluded.waits_since, let_go = excluded.let_go, held_since = excluded.held_since, \
    told_until = excluded.told_until, wish = excluded.wish";

pub(super) fn routes(rows: &[RouteChange]) -> Columns<'_> {
    let of = || rows.iter().map(|row| &row.route);
    columns!(
        ROUTE,
        rows,
        rows.iter().map(|row| row.conversation.0),
        of().map(|route| route.rule.as_str()),
        of().map(|route| route.queue.as_str()),
        of().map(|route| i16::from(route.priority)),
        of().map(|route| route.skills.join(" ")),
        of().map(sla),
        of().map(|route| route.sticky),
        of().map(|route| route.tier.as_deref()),
        of().map(|route| route.language.as_deref()),
        of().map(|route| route.weight),
        of().map(|route| route.waiting),
        of().map(|route| route.waits_since.as_micros()),
        of().map(|route| route.let_go),
        of().map(|route| route.held_since.map(Timestamp::as_micros)),
        of().map(|route| route.told_until.map(Timestamp::as_micros)),
        of().map(|route| route.wish.map(Wish::code)),
    )
}

fn sla(route: &Route) -> Option<i32> {
    route.sla_s.and_then(|seconds| i32::try_from(seconds).ok())
}
