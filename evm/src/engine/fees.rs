//! What a gas may cost: the base fee twice, a tip, and never more than the configuration allows.

use super::Rules;
use crate::chain::Fees;
use crate::rpc::NodeBlock;

const GWEI: u128 = 1_000_000_000;

/// Why no fee is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeeError {
    /// The chain has no base fee.
    #[error("this chain has no base fee (EIP-1559): it needs an adapter of its own")]
    NoBaseFee,
    /// A gas costs more than is allowed.
    #[error("a gas costs {base_gwei} gwei at least, fee_gwei_max is {max_gwei}: wait, or allow more")]
    OverMax {
        /// What it costs.
        base_gwei: u128,
        /// What is allowed.
        max_gwei: u128,
    },
    /// What is on its way offers all that is allowed already.
    #[error("no block takes it at the {max_gwei} gwei of fee_gwei_max: wait, or allow more")]
    AtMax {
        /// What is allowed.
        max_gwei: u128,
    },
}

/// What a first transaction offers.
///
/// # Errors
/// [`FeeError`].
pub fn first(newest: &NodeBlock, rules: &Rules) -> Result<Fees, FeeError> {
    let base = newest.base_fee_per_gas.ok_or(FeeError::NoBaseFee)?.0;
    if base > rules.fee_max {
        return Err(FeeError::OverMax { base_gwei: base.div_ceil(GWEI), max_gwei: rules.fee_max / GWEI });
    }
    let fee = base.saturating_mul(2).saturating_add(rules.tip).min(rules.fee_max);
    Ok(Fees { tip: rules.tip.min(fee), fee })
}

/// What the next one under the same number offers: an eighth more of both at least, which is more than nodes ask for.
///
/// # Errors
/// [`FeeError`].
pub fn higher(before: Fees, newest: &NodeBlock, rules: &Rules) -> Result<Fees, FeeError> {
    let more = |fee: u128| fee.saturating_add(fee / 8).saturating_add(1);
    let first = first(newest, rules)?;
    let (tip, fee) = (more(before.tip).max(first.tip), more(before.fee).max(first.fee));
    if fee > rules.fee_max {
        return Err(FeeError::AtMax { max_gwei: rules.fee_max / GWEI });
    }
    Ok(Fees { tip: tip.min(fee), fee })
}

#[cfg(test)]
mod tests {
    use lww_audit::evm::Word;

    use super::*;
    use crate::rpc::Quantity;

    fn block(base: Option<u128>) -> NodeBlock {
        let (number, hash, timestamp) = (Quantity(1), Word([0; 32]), Quantity(1));
        NodeBlock { number, hash, timestamp, base_fee_per_gas: base.map(Quantity) }
    }

    fn rules() -> Rules {
        Rules { confirmations: 1, gas_max: 1, fee_max: 100 * GWEI, tip: GWEI, stuck_s: 1 }
    }

    #[test]
    fn no_fee_is_over_what_is_allowed() {
        assert_eq!(first(&block(Some(10 * GWEI)), &rules()), Ok(Fees { tip: GWEI, fee: 21 * GWEI }));
        assert_eq!(first(&block(Some(90 * GWEI)), &rules()), Ok(Fees { tip: GWEI, fee: 100 * GWEI }));
        let over = FeeError::OverMax { base_gwei: 101, max_gwei: 100 };
        assert_eq!(first(&block(Some(100 * GWEI + 1)), &rules()), Err(over));
        assert_eq!(first(&block(None), &rules()), Err(FeeError::NoBaseFee));
    }

    #[test]
    fn each_replacement_offers_an_eighth_more_until_the_bound() {
        let mut fees = first(&block(Some(GWEI)), &rules()).unwrap();
        let mut times = 0;
        let end = loop {
            match higher(fees, &block(Some(GWEI)), &rules()) {
                Ok(next) => {
                    assert!(next.fee * 10 > fees.fee * 11 && next.tip * 10 > fees.tip * 11 && next.fee <= 100 * GWEI);
                    fees = next;
                    times += 1;
                }
                Err(error) => break error,
            }
        };
        assert_eq!(end, FeeError::AtMax { max_gwei: 100 });
        assert!(times > 20);
    }
}
