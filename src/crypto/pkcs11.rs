//! A token by PKCS#11 (Cryptoki 2.40 and newer): one session, kept open, and opened anew when a call fails.
//!
//! The library of a token's maker belongs to the whole process, so there is one session a token, under a lock. A PIN that was
//! refused is not tried again before it has changed: a few attempts lock a token. Each signature is verified before it is
//! believed. Only in builds with the feature `pkcs11`.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use ring::signature::{ED25519, UnparsedPublicKey};
use zeroize::Zeroizing;

use super::error::KeyError;
use super::keys::{KeyToken, TokenPlace};
use super::random::SystemRandom;
use crate::ports::random_bytes;

/// The curve by its object identifier, 1.3.101.112 (RFC 8410), in DER.
const CURVE: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];
/// Begins a public point that is wrapped as an OCTET STRING of 32 bytes in DER.
const POINT_START: [u8; 2] = [0x04, 0x20];

const NO_MODULE: &str = "the library at pkcs11.module can't be loaded: install it, or mend the path";
const NO_TOKEN: &str = "no token has the label pkcs11.token: plug it in, start its service, or mend the label";
const BAD_PIN: &str = "the token refuses the PIN: put the right one where pkcs11.pin points; this one is not tried again, so that the token isn't locked";
const NO_PIN: &str = "the PIN is not where pkcs11.pin points, or others can read it, or it is no text: put it there, mode 0600";
const NO_KEY: &str = "the log's key is not in the token: is it another token, or was the key destroyed?";
const TWO_KEYS: &str = "the token has two keys of one label: destroy the one that the log does not name";
const BAD_SIGNATURE: &str = "the token's signature does not verify: look at the token and its library";
const NO_ANSWER: &str = "the token does not answer: look at the device, its service and its connection";

/// A key that was found.
struct Held {
    label: String,
    point: [u8; 32],
    private: ObjectHandle,
    public: ObjectHandle,
}

/// A session that is logged in. Fields are dropped in this order: the session before the library.
struct Open {
    session: Session,
    library: Pkcs11,
    keys: Vec<Held>,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    away: Option<&'static str>,
    refused: Option<Zeroizing<Vec<u8>>>,
}

struct Token {
    place: TokenPlace,
    state: Mutex<State>,
    /// Apart from the state, which is locked while the token works.
    away: Mutex<Option<&'static str>>,
}

/// The token at a place, opened; the same one for everybody in this process.
pub(super) fn open(place: &TokenPlace) -> Result<Arc<dyn KeyToken>, KeyError> {
    static TOKENS: OnceLock<Mutex<Vec<Arc<Token>>>> = OnceLock::new();
    let mut tokens = TOKENS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(token) = tokens.iter().find(|token| token.place == *place) {
        return Ok(Arc::clone(token) as Arc<dyn KeyToken>);
    }
    let token = Arc::new(Token { place: place.clone(), state: Mutex::default(), away: Mutex::default() });
    token.with(|_| Ok(()))?;
    tokens.push(Arc::clone(&token));
    Ok(token)
}

impl Token {
    /// Does something in the session; when that fails, once more in a new one.
    fn with<T>(&self, act: impl Fn(&mut Open) -> Result<T, &'static str>) -> Result<T, KeyError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let done = match state.open.as_mut().map(&act) {
            Some(Ok(done)) => Ok(done),
            Some(Err(_)) | None => {
                state.close();
                self.open(&mut state).and_then(|mut open| {
                    let done = act(&mut open);
                    state.open = Some(open);
                    done
                })
            }
        };
        if done.is_err() {
            state.close();
        }
        state.away = done.as_ref().err().copied();
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = state.away;
        done.map_err(|reason| KeyError::Token { reason })
    }

    fn open(&self, state: &mut State) -> Result<Open, &'static str> {
        let pin = self.place.pin.resolve_without_keys().map_err(|_| NO_PIN)?;
        if state.refused.as_ref().is_some_and(|refused| refused.as_slice() == pin.bytes()) {
            return Err(BAD_PIN);
        }
        let text = pin.text().ok_or(NO_PIN)?;
        let library = Pkcs11::new(&self.place.module).map_err(|_| NO_MODULE)?;
        match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(_) => return Err(NO_ANSWER),
        }
        match self.log_in(&library, text) {
            Ok(session) => {
                state.refused = None;
                let keys = find(&session, &self.place.prefix)?;
                Ok(Open { session, library, keys })
            }
            Err(reason) => {
                if reason == BAD_PIN {
                    state.refused = Some(Zeroizing::new(pin.bytes().to_vec()));
                }
                // What could not be ended is begun anew all the same.
                let _ended = library.finalize();
                Err(reason)
            }
        }
    }

    fn log_in(&self, library: &Pkcs11, pin: &str) -> Result<Session, &'static str> {
        let is_it = |slot: &_| library.get_token_info(*slot).is_ok_and(|info| info.label() == self.place.token);
        let slots = library.get_slots_with_initialized_token().map_err(|_| NO_ANSWER)?;
        let slot = slots.into_iter().find(is_it).ok_or(NO_TOKEN)?;
        let session = library.open_rw_session(slot).map_err(|_| NO_ANSWER)?;
        match session.login(UserType::User, Some(&AuthPin::new(pin.into()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinLocked | RvError::PinLenRange, _)) => Err(BAD_PIN),
            Err(_) => Err(NO_ANSWER),
        }
    }

    fn full(&self, label: &str) -> String {
        format!("{}{label}", self.place.prefix)
    }
}

impl State {
    fn close(&mut self) {
        if let Some(Open { session, library, .. }) = self.open.take() {
            drop(session);
            // What could not be ended is begun anew all the same.
            let _ended = library.finalize();
        }
    }
}

impl Open {
    /// The keys as they are now.
    fn look(&mut self, prefix: &str) -> Result<&[Held], &'static str> {
        self.keys = find(&self.session, prefix)?;
        Ok(&self.keys)
    }
}

/// This server's keys in the token. A key is there when its private half is.
fn find(session: &Session, prefix: &str) -> Result<Vec<Held>, &'static str> {
    let class = |class| [Attribute::Class(class), Attribute::KeyType(KeyType::EC_EDWARDS)];
    let mut found: Vec<Held> = Vec::new();
    for private in session.find_objects(&class(ObjectClass::PRIVATE_KEY)).map_err(|_| NO_ANSWER)? {
        let wanted = [AttributeType::Label, AttributeType::Id];
        let (mut label, mut id) = (Vec::new(), Vec::new());
        for attribute in session.get_attributes(private, &wanted).map_err(|_| NO_ANSWER)? {
            match attribute {
                Attribute::Label(text) => label = text,
                Attribute::Id(bytes) => id = bytes,
                _ => {}
            }
        }
        let Ok(label) = String::from_utf8(label) else { continue };
        if !label.starts_with(prefix) {
            continue;
        }
        if found.iter().any(|held| held.label == label) {
            return Err(TWO_KEYS);
        }
        let template = [class(ObjectClass::PUBLIC_KEY).as_slice(), &[Attribute::Id(id)]].concat();
        let public = session.find_objects(&template).map_err(|_| NO_ANSWER)?.into_iter().next().ok_or(NO_KEY)?;
        let point = point(session, public)?;
        found.push(Held { label, point, private, public });
    }
    Ok(found)
}

fn point(session: &Session, public: ObjectHandle) -> Result<[u8; 32], &'static str> {
    let attributes = session.get_attributes(public, &[AttributeType::EcPoint]).map_err(|_| NO_ANSWER)?;
    let bytes = attributes.into_iter().find_map(|attribute| match attribute {
        Attribute::EcPoint(bytes) => Some(bytes),
        _ => None,
    });
    let bytes = bytes.ok_or(NO_KEY)?;
    let raw = bytes.strip_prefix(&POINT_START).filter(|raw| raw.len() == 32).unwrap_or(&bytes);
    raw.try_into().map_err(|_| NO_KEY)
}

impl KeyToken for Token {
    fn labels(&self) -> Result<Vec<String>, KeyError> {
        let prefix = &self.place.prefix;
        let short = |held: &Held| held.label.strip_prefix(prefix.as_str()).map(str::to_owned);
        self.with(|open| Ok(open.look(prefix)?.iter().filter_map(short).collect()))
    }

    fn public(&self, label: &str) -> Result<Option<[u8; 32]>, KeyError> {
        let label = self.full(label);
        self.with(|open| {
            let held = open.look(&self.place.prefix)?.iter().find(|held| held.label == label);
            Ok(held.map(|held| held.point))
        })
    }

    fn create(&self, label: &str) -> Result<[u8; 32], KeyError> {
        let label = self.full(label);
        let id: [u8; 16] = random_bytes(&SystemRandom::new());
        let common = [Attribute::Token(true), Attribute::Label(label.clone().into()), Attribute::Id(id.to_vec())];
        let public = [&common[..], &[Attribute::Verify(true), Attribute::EcParams(CURVE.to_vec())]].concat();
        let secret = [Attribute::Sign(true), Attribute::Private(true), Attribute::Sensitive(true), Attribute::Extractable(false)];
        let private = [&common[..], &secret].concat();
        self.with(|open| {
            // The attempt before this one may have made it.
            if !open.look(&self.place.prefix)?.iter().any(|held| held.label == label) {
                let kind = Mechanism::EccEdwardsKeyPairGen;
                open.session.generate_key_pair(&kind, &public, &private).map_err(|_| NO_ANSWER)?;
            }
            let held = open.look(&self.place.prefix)?.iter().find(|held| held.label == label).ok_or(NO_KEY)?;
            Ok(held.point)
        })
    }

    fn rename(&self, label: &str, to: &str) -> Result<(), KeyError> {
        let (label, to) = (self.full(label), self.full(to));
        self.with(|open| {
            open.look(&self.place.prefix)?;
            let held = open.keys.iter().find(|held| held.label == label).ok_or(NO_KEY)?;
            let template = [Attribute::Label(to.clone().into())];
            // The private half last: by its label a key is found.
            for object in [held.public, held.private] {
                open.session.update_attributes(object, &template).map_err(|_| NO_ANSWER)?;
            }
            open.look(&self.place.prefix).map(drop)
        })
    }

    fn destroy(&self, label: &str) -> Result<(), KeyError> {
        let label = self.full(label);
        self.with(|open| {
            open.look(&self.place.prefix)?;
            if let Some(held) = open.keys.iter().find(|held| held.label == label) {
                for object in [held.private, held.public] {
                    open.session.destroy_object(object).map_err(|_| NO_ANSWER)?;
                }
            }
            open.look(&self.place.prefix).map(drop)
        })
    }

    fn sign(&self, public: &[u8; 32], text: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.with(|open| {
            let held = open.keys.iter().find(|held| held.point == *public).ok_or(NO_KEY)?;
            let how = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
            let signature = open.session.sign(&how, held.private, text).map_err(|_| NO_ANSWER)?;
            UnparsedPublicKey::new(&ED25519, public).verify(text, &signature).map_err(|_| BAD_SIGNATURE)?;
            Ok(signature)
        })
    }

    fn away(&self) -> Option<&'static str> {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
