//! Anchors: one file an outside party's kind. How a request gets there is a port; which are asked is the configuration's.

mod evm;
mod rfc3161;

pub use evm::EvmChain;
pub use rfc3161::TimeStamping;
