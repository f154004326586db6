//! What a masked message of staff is about to show outside.

use super::{Masked, Message, Outbound};
use crate::domain::masking::{Policy, ShownSpan, View};

impl Message<Masked, Outbound> {
    /// What would leave, masked or as it was released, and where the values stand in it for which the policy holds it.
    pub fn leaving(&self, policy: &Policy) -> (String, Vec<ShownSpan>) {
        let holds = |span: &ShownSpan| policy.rules().get(usize::from(span.rule)).is_some_and(|rule| rule.leaving.hold);
        let text = &self.state.text;
        (text.render(View::Outbound), text.shown_spans(View::Outbound).into_iter().filter(holds).collect())
    }
}
