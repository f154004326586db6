//! E0382: masking consumes the raw message.

use liaowaiwai::domain::message::{Inbound, Message, Raw, Salts, Sealer};
use liaowaiwai::domain::masking::{Policy, Tail, Tokens};

pub fn twice(
    raw: Message<Raw, Inbound>,
    policy: &Policy,
    tail: &mut Tail,
    salts: [Salts; 2],
    sealer: &dyn Sealer,
    tokens: &dyn Tokens,
) {
    let [first, second] = salts;
    let _ = raw.mask(policy, tail, first, sealer, tokens).is_ok();
    let _ = raw.mask(policy, tail, second, sealer, tokens).is_ok(); //~ allowed:     drop(second);
}
