//! How often somebody may ask: unproven requests are counted by address, proven ones by account and by tenant.
//!
//! A bank's backend sends thousands of signed messages a second from one address, so an address is held back only for
//! requests that did not prove who sent them: whoever uses them up is refused for a while, before anything is done. An
//! IPv6 address counts by its /64, which one customer has whole. Memory is bounded: what is unused is forgotten, and when
//! the table is full nevertheless, newcomers share one allowance.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::guard::Guard;
use super::problem::Problem;
use crate::limits::{ADDRESS_PAUSE_S, LIMITED_KEYS_MAX, RATE_BURST_S};
use crate::telemetry::{Limited, Occurrence, emit};
use crate::units::AccountId;

/// What may be asked in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Requests of one address (IPv6: /64) that did not prove who sent them.
    pub address: u32,
    /// Requests of one member of staff, and of one machine that reads the published log.
    pub staff: u32,
    /// Requests of one visitor with a token.
    pub visitor: u32,
    /// Requests of one channel account.
    pub channel: u32,
    /// Requests of one tenant's staff and channels together.
    pub tenant: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { address: 50, staff: 50, visitor: 10, channel: 20_000, tenant: 50_000 }
    }
}

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who<'a> {
    /// A member of staff.
    Staff(AccountId),
    /// A channel account: channel and account.
    Channel(&'a str, &'a str),
    /// A machine that reads the published log: the common name of its certificate.
    Auditor(&'a str),
    /// The tenant's identity provider.
    Provider,
    /// A log that asks for a cosignature.
    Log,
    /// Whoever holds a token of a channel account: channel, account, token.
    Visitor(&'a str, &'a str, &'a str),
}

/// A request whose sender proved who they are has this among its extensions.
struct Proven;

/// Counts a request of somebody who proved who they are, and notes that they did.
///
/// # Errors
/// [`Problem::RateLimited`] for the account, or for its tenant.
pub(super) fn admit(request: &HttpRequest, tenant: &str, who: Who<'_>) -> Result<(), Problem> {
    request.extensions_mut().insert(Proven);
    let guard = request.app_data::<Data<Guard>>();
    let counted = guard.map_or(Ok(()), |guard| guard.limiter.count(tenant, who));
    counted.inspect_err(|_| emit(&Occurrence::RateLimited { whose: Limited::Account }))
}

/// Whether a request's sender proved who they are.
pub(super) fn is_proven(request: &HttpRequest) -> bool {
    request.extensions().contains::<Proven>()
}

/// Counts requests.
pub(super) struct Limiter {
    addresses: Buckets<IpAddr>,
    paused: Mutex<HashMap<IpAddr, Instant>>,
    staff: Buckets<(String, AccountId)>,
    channels: Buckets<(String, String, String)>,
    auditors: Buckets<String>,
    /// By keyed hashes of their tokens, which are long.
    visitors: Buckets<u64>,
    token_hash: RandomState,
    tenants: Buckets<String>,
}

impl Limiter {
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            addresses: Buckets::new(rates.address),
            paused: Mutex::default(),
            staff: Buckets::new(rates.staff),
            channels: Buckets::new(rates.channel),
            auditors: Buckets::new(rates.staff),
            visitors: Buckets::new(rates.visitor),
            token_hash: RandomState::new(),
            tenants: Buckets::new(rates.tenant),
        }
    }

    /// Refuses an address that has used up its unproven requests.
    ///
    /// # Errors
    /// [`Problem::RateLimited`].
    pub(super) fn check_address(&self, address: IpAddr, now: Instant) -> Result<(), Problem> {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        match paused.get(&network(address)).map(|until| until.saturating_duration_since(now)) {
            None => Ok(()),
            Some(Duration::ZERO) => {
                paused.remove(&network(address));
                Ok(())
            }
            Some(wait) => Err(refused(wait)),
        }
    }

    /// Counts a request of an address that did not prove who sent it.
    pub(super) fn count_unproven(&self, address: IpAddr, now: Instant) {
        let network = network(address);
        if self.addresses.take(network).is_ok() {
            return;
        }
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if paused.len() >= LIMITED_KEYS_MAX {
            paused.retain(|_, until| *until > now);
        }
        // A full table of paused addresses stays as it is: those in it are held back already.
        if paused.len() < LIMITED_KEYS_MAX {
            paused.insert(network, now + Duration::from_secs(ADDRESS_PAUSE_S));
        }
    }

    /// Counts a request of somebody who proved who they are.
    ///
    /// # Errors
    /// [`Problem::RateLimited`] for the visitor, for the account, or for its tenant.
    pub(super) fn count(&self, tenant: &str, who: Who<'_>) -> Result<(), Problem> {
        let channel = |channel: &str, account: &str| {
            self.channels.take((tenant.to_owned(), channel.to_owned(), account.to_owned()))
        };
        match who {
            Who::Staff(account) => self.staff.take((tenant.to_owned(), account)),
            Who::Channel(name, account) => channel(name, account),
            Who::Provider | Who::Log => Ok(()),
            Who::Auditor(name) => self.auditors.take(name.to_owned()),
            Who::Visitor(name, account, token) => {
                self.visitors.take(self.token_hash.hash_one(token)).and_then(|()| channel(name, account))
            }
        }
        .and_then(|()| self.tenants.take(tenant.to_owned()))
        .map_err(refused)
    }
}

fn refused(wait: Duration) -> Problem {
    Problem::RateLimited { retry_after_s: wait.as_secs().saturating_add(1) }
}

/// What counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// One bucket a key, in bounded memory.
struct Buckets<K: Hash + Eq + Clone> {
    /// `None` is the bucket that newcomers share while the table is full.
    limiter: DefaultKeyedRateLimiter<Option<K>>,
    swept: Mutex<Option<Instant>>,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(per_second: u32) -> Self {
        let rate = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        Self::with(Quota::per_second(rate).allow_burst(rate.saturating_mul(RATE_BURST_S)))
    }

    fn with(quota: Quota) -> Self {
        Self { limiter: RateLimiter::keyed(quota), swept: Mutex::default() }
    }

    /// Takes one request out of a key's bucket; the error is how long to wait.
    fn take(&self, key: K) -> Result<(), Duration> {
        let key = self.has_room().then_some(key);
        self.limiter.check_key(&key).map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }

    /// Forgets full buckets when there are too many, once a second at most: going through all of them is work, too.
    fn has_room(&self) -> bool {
        if self.limiter.len() < LIMITED_KEYS_MAX {
            return true;
        }
        let now = Instant::now();
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.is_none_or(|at| now.duration_since(at) >= Duration::from_secs(1)) {
            *swept = Some(now);
            self.limiter.retain_recent();
        }
        self.limiter.len() < LIMITED_KEYS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates { address: 1, staff: 1, visitor: 1, channel: 1, tenant: 3 };

    fn burst(rate: u32) -> u32 {
        rate * RATE_BURST_S.get()
    }

    #[test]
    fn an_address_that_fails_too_often_waits_and_its_neighbours_do_not() {
        let limiter = Limiter::new(RATES);
        let now = Instant::now();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let (here, same, other) = (address("2001:db8::1"), address("2001:db8::ffff:1"), address("2001:db8:0:1::1"));
        for _ in 0..burst(1) {
            limiter.count_unproven(here, now);
            assert!(limiter.check_address(here, now).is_ok());
        }
        limiter.count_unproven(same, now);
        for refused in [here, same] {
            let error = limiter.check_address(refused, now).err().unwrap();
            assert!(matches!(error, Problem::RateLimited { retry_after_s } if retry_after_s > 0), "{error}");
        }
        assert!(limiter.check_address(other, now).is_ok());
        assert!(limiter.check_address(here, now + Duration::from_secs(ADDRESS_PAUSE_S)).is_ok());
    }

    #[test]
    fn an_account_does_not_use_up_another_s_share_and_a_tenant_has_one_for_all() {
        let limiter = Limiter::new(RATES);
        for account in ["a", "b", "c"] {
            for _ in 0..burst(1) {
                assert!(limiter.count("t", Who::Channel("http", account)).is_ok(), "{account}");
            }
            assert!(limiter.count("t", Who::Channel("http", account)).is_err(), "{account}");
        }
        assert!(limiter.count("t", Who::Channel("http", "d")).is_err(), "the tenant's share is used up");
        assert!(limiter.count("u", Who::Channel("http", "a")).is_ok(), "another tenant's is not");
    }

    #[test]
    fn a_visitor_does_not_use_up_the_share_of_their_channel_account() {
        let rates = Rates::default();
        let limiter = Limiter::new(rates);
        let visitor = |token| limiter.count("t", Who::Visitor("web", "site", token));
        let one = (0..burst(rates.visitor) * 2).filter(|_| visitor("one").is_ok()).count();
        assert!(one < usize::try_from(burst(rates.visitor)).unwrap() * 2, "{one}");
        assert!(visitor("another").is_ok());
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory() {
        // No bucket is full again before the test is over.
        let buckets = Buckets::<u64>::with(Quota::per_hour(NonZeroU32::MIN));
        for key in 0..u64::try_from(LIMITED_KEYS_MAX).unwrap() * 2 {
            let _either = buckets.take(key);
        }
        // The shared bucket is one more.
        assert!(buckets.limiter.len() <= LIMITED_KEYS_MAX + 1, "{}", buckets.limiter.len());
        assert!(buckets.take(u64::MAX).is_err(), "newcomers share one allowance");
    }
}
