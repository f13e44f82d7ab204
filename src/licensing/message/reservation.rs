//! Reservation of licences: the four codes that people carry between a device and its licence server.
//!
//! ```text
//! device                                            licence server
//!   request code        CB-ZNCS1004:CAT2231B000-…-86  ->  licences are set aside for this device
//!   <-  authorization code                     AC1-…      signed; says which, how many, how long
//!   confirmation code   20 hexadecimal digits         ->  the device has installed it
//!   return code         ChWhde-okvz5f-…               ->  the device has let go of it; the licences are free
//! ```
//!
//! The product's own formats are not public; these are Ponder's, alike in looks.
//!
//! **Links.** A device draws 10 random bytes, link 0, for each request. Link *n*+1 is the first 10 bytes of SHA-256 over
//! `ponder reservation link` and link *n*. The request code shows link 32, the [commitment](RequestCode::commitment).
//! Installing revision *r* of the authorization confirms with link 32-*r*, giving back reveals link 0. The server hashes
//! what it is given up to the link that it knows; so only the device can confirm or give back, and nothing is secret
//! on the way.
//!
//! **Request code.** `CB-Z` (specific licences) or `CE-Z` (everything), PID, `:`, serial number, `-`, the commitment in
//! base 58, `-`, two hexadecimal digits: the first byte of SHA-256 over everything before the last dash.
//!
//! **Authorization code.** `AC1-` and, in URL-safe base 64, an [envelope](crate::licensing::message::envelope) whose
//! payload is an [`Authorization`], signed by the licence server after the label `ponder-licensing/1 reservation` and a
//! newline. White space around and inside the code means nothing.
//!
//! **Confirmation code.** The link in hexadecimal digits.
//!
//! **Return code.** Link 0 and the first two bytes of its SHA-256 in base 58, a dash after every sixth character.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::licensing::catalogue::Entitlement;
use crate::licensing::message::base58;
use crate::licensing::message::envelope::{Direction, Envelope, malformed, parse_part};
use crate::licensing::message::{MessageError, Udi, VERSION};
use crate::licensing::secret::Secret;
use crate::licensing::signature::chain::TrustRoot;
use crate::licensing::signature::{SignatureError, SigningKey, digest, random_bytes};

/// Links of a request behind link 0: the commitment is link 32.
pub const COMMITMENT: u32 = 32;

/// The highest revision of an authorization: link 0 is for giving back.
pub const LAST_REVISION: u32 = COMMITMENT - 1;

/// Longest authorization code that is looked at, bytes.
pub const MAX_CODE_BYTES: usize = 65_536;

/// The highest count of one entry of an authorization.
pub const MAX_COUNT: u32 = 1_000_000;

const LINK_BYTES: usize = 10;

/// A link of a request's chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link([u8; LINK_BYTES]);

/// Link 0 of a request: whoever has it can give the reservation back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkSecret(Secret<String>);

/// What a reservation covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coverage {
    /// The licences that it names (SLR).
    Specific,
    /// Everything (PLR).
    Universal,
}

/// What a device asks a reservation with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestCode {
    /// What is asked for.
    pub coverage: Coverage,
    /// Product identifier of the chassis.
    pub pid: String,
    /// Serial number of the chassis.
    pub serial_number: String,
    /// Link 32 of the request.
    pub commitment: Link,
}

/// What an authorization code says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// Version of this payload.
    pub version: u32,
    /// Its own name; no two codes have the same.
    pub id: String,
    /// Counts the codes for one request, from 1; a later one takes the place of an earlier one.
    pub revision: u32,
    /// The request that it answers, as its commitment in base 58.
    pub request: String,
    /// Product identifier of the chassis.
    pub pid: String,
    /// Serial number of the chassis.
    pub serial_number: String,
    /// What it covers.
    pub coverage: Coverage,
    /// The server's clock when it was made.
    pub issued: Timestamp,
    /// Name of the smart account.
    pub smart_account: String,
    /// Name of the virtual account.
    pub virtual_account: String,
    /// Export-controlled functionality is allowed.
    pub export_control_allowed: bool,
    /// What is reserved; empty when everything is covered.
    pub licences: Vec<ReservedLicence>,
}

/// Licences of one entitlement and one term that are reserved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReservedLicence {
    /// Which.
    pub entitlement: Entitlement,
    /// How many.
    pub count: u32,
    /// From when; `None` from the beginning.
    pub start: Option<Timestamp>,
    /// Until when; `None` for ever.
    pub end: Option<Timestamp>,
}

impl ReservedLicence {
    /// Its term runs at `now`.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= now) && self.end.is_none_or(|end| now < end)
    }
}

impl LinkSecret {
    /// Draws a new one.
    pub fn draw() -> Result<LinkSecret, SignatureError> {
        let bytes = random_bytes::<LINK_BYTES>()?;
        Ok(LinkSecret(Secret::new(base58::encode(&bytes))))
    }

    /// Takes up one that was kept.
    pub fn kept(text: Secret<String>) -> LinkSecret {
        LinkSecret(text)
    }

    /// The text to keep, where nobody else reads.
    pub fn to_keep(&self) -> &Secret<String> {
        &self.0
    }

    /// A link of the chain; 0 itself is revealed by giving back alone.
    pub fn link(&self, position: u32) -> Link {
        let bytes = base58::decode(self.0.reveal()).unwrap_or_default();
        Link(shortened(&bytes)).after(position)
    }

    /// What the installation of a revision is confirmed with.
    pub fn confirmation_code(&self, revision: u32) -> String {
        self.link(COMMITMENT.saturating_sub(revision)).confirmation_code()
    }

    /// What the reservation is given back with; reveals the secret.
    pub fn return_code(&self) -> String {
        self.link(0).return_code()
    }
}

impl Link {
    /// The link this many steps behind.
    pub fn after(self, steps: u32) -> Link {
        (0..steps).fold(self, |link, _| {
            Link(shortened(&digest(&[b"ponder reservation link", &link.0])))
        })
    }

    /// In base 58, as the request code and the authorization name a request.
    pub fn to_text(self) -> String {
        base58::encode(&self.0)
    }

    /// Reads what [`Link::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Link> {
        Some(Link(base58::decode(text)?.try_into().ok()?))
    }

    fn confirmation_code(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a confirmation code; white space around it and the case of its letters mean nothing.
    pub fn from_confirmation_code(code: &str) -> Option<Link> {
        let code = code.trim().to_ascii_lowercase();
        let digits: Vec<u8> = code
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        rest.is_empty().then_some(Link(bytes.try_into().ok()?))
    }

    fn return_code(self) -> String {
        let [first, second, ..] = digest(&[&self.0]);
        let text = base58::encode(&[self.0.as_slice(), &[first, second]].concat());
        let letters: Vec<char> = text.chars().collect();
        let groups: Vec<String> = letters.chunks(6).map(|group| group.iter().collect()).collect();
        groups.join("-")
    }

    /// Reads a return code; white space around it and its dashes mean nothing.
    pub fn from_return_code(code: &str) -> Option<Link> {
        let bytes = base58::decode(&code.trim().replace('-', ""))?;
        let (link, check) = bytes.split_last_chunk::<2>()?;
        let link = Link(link.try_into().ok()?);
        let [first, second, ..] = digest(&[&link.0]);
        (*check == [first, second]).then_some(link)
    }
}

fn shortened(bytes: &[u8]) -> [u8; LINK_BYTES] {
    let mut short = [0; LINK_BYTES];
    for (to, from) in short.iter_mut().zip(bytes) {
        *to = *from;
    }
    short
}

impl fmt::Display for RequestCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.coverage {
            Coverage::Specific => 'B',
            Coverage::Universal => 'E',
        };
        let text = format!(
            "C{kind}-Z{}:{}-{}",
            self.pid,
            self.serial_number,
            self.commitment.to_text()
        );
        write!(f, "{text}-{}", check_digits(&text))
    }
}

fn check_digits(text: &str) -> String {
    let [first, ..] = digest(&[text.as_bytes()]);
    format!("{first:02x}")
}

impl FromStr for RequestCode {
    type Err = MessageError;

    fn from_str(code: &str) -> Result<RequestCode, MessageError> {
        let wrong = |rule| MessageError::Field {
            field: "the request code",
            rule,
        };
        let shape = || wrong("must look like CB-ZNCS1004:CAT2231B000-yy8jJcUjz3Zfzt-86");
        let (text, check) = code.trim().rsplit_once('-').ok_or_else(shape)?;
        let (coverage, rest) = match (text.strip_prefix("CB-Z"), text.strip_prefix("CE-Z")) {
            (Some(rest), _) => (Coverage::Specific, rest),
            (_, Some(rest)) => (Coverage::Universal, rest),
            (None, None) => return Err(shape()),
        };
        let (device, commitment) = rest.rsplit_once('-').ok_or_else(shape)?;
        let (pid, serial_number) = device.split_once(':').ok_or_else(shape)?;
        if !check.eq_ignore_ascii_case(&check_digits(text)) {
            return Err(wrong("does not fit its check digits: it was mistyped"));
        }
        for part in [pid, serial_number] {
            if !(1..=64).contains(&part.chars().count()) || part.chars().any(char::is_control) {
                return Err(wrong("must name a product identifier and a serial number"));
            }
        }
        Ok(RequestCode {
            coverage,
            pid: pid.to_owned(),
            serial_number: serial_number.to_owned(),
            commitment: Link::from_text(commitment).ok_or_else(shape)?,
        })
    }
}

impl Authorization {
    /// The code to carry, signed by the server; `certificates` is its signing certificate and chain.
    pub fn sign(&self, key: &SigningKey, certificates: &[String]) -> Result<String, MessageError> {
        self.check()?;
        let payload = serde_json::to_string(self).map_err(|error| malformed(PART, &error))?;
        let envelope = Envelope::seal(Direction::Reservation, payload, key, certificates)?;
        Ok(format!(
            "{PREFIX}{}",
            URL_SAFE_NO_PAD.encode(envelope.to_bytes()?)
        ))
    }

    /// Reads and verifies a code: size, form, chain to `root`, purpose, validity at `now`, signature, and that what it
    /// says makes sense. Whose it is remains to be checked.
    pub fn open(code: &str, root: &TrustRoot, now: Timestamp) -> Result<Authorization, MessageError> {
        let payload = unpack(code)?;
        let authorization: Authorization = parse_part(
            PART,
            payload.verified(Direction::Reservation, root, now)?.as_bytes(),
        )?;
        authorization.check()?;
        Ok(authorization)
    }

    /// It is for the chassis of this identifier.
    pub fn is_for(&self, udi: &Udi) -> bool {
        self.pid == udi.pid && self.serial_number == udi.serial_number
    }

    fn check(&self) -> Result<(), MessageError> {
        if self.version != VERSION {
            return Err(MessageError::Version {
                found: self.version.into(),
            });
        }
        let wrong = |field, rule| Err(MessageError::Field { field, rule });
        if !(1..=LAST_REVISION).contains(&self.revision) {
            return wrong("revision", "must be 1 to 31");
        }
        if Link::from_text(&self.request).is_none() {
            return wrong("request", "must be the commitment of a request code");
        }
        if self.licences.is_empty() == (self.coverage == Coverage::Specific) {
            return wrong(
                "licences",
                "must be named in a specific reservation and in no other",
            );
        }
        for (position, licence) in self.licences.iter().enumerate() {
            if !(1..=MAX_COUNT).contains(&licence.count) {
                return wrong("licences.count", "must be 1 to 1000000");
            }
            if let (Some(start), Some(end)) = (licence.start, licence.end)
                && end <= start
            {
                return wrong("licences.end", "must be later than licences.start");
            }
            let same = |other: &ReservedLicence| {
                (other.entitlement, other.start, other.end)
                    == (licence.entitlement, licence.start, licence.end)
            };
            if self.licences.iter().skip(position + 1).any(same) {
                return wrong("licences", "must not name the same entitlement and term twice");
            }
        }
        Ok(())
    }
}

const PREFIX: &str = "AC1-";
const PART: &str = "authorization code";

fn unpack(code: &str) -> Result<Envelope, MessageError> {
    let broken = |reason: &str| MessageError::Malformed {
        part: PART,
        reason: reason.to_owned(),
    };
    if code.len() > MAX_CODE_BYTES {
        return Err(MessageError::TooLarge { size: code.len() });
    }
    let mut packed = code.to_owned();
    packed.retain(|letter| !letter.is_ascii_whitespace());
    let encoded = packed
        .strip_prefix(PREFIX)
        .ok_or_else(|| broken("it does not begin with AC1-"))?;
    let bytes = URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|_| broken("it is not base 64 as in URLs"))?;
    Envelope::parse(&bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret() -> LinkSecret {
        LinkSecret::kept(Secret::new(base58::encode(b"0123456789")))
    }

    fn request(coverage: Coverage) -> RequestCode {
        RequestCode {
            coverage,
            pid: "NCS1004".to_owned(),
            serial_number: "CAT2231B-00".to_owned(),
            commitment: secret().link(COMMITMENT),
        }
    }

    #[test]
    fn a_request_code_names_device_and_kind_and_survives_being_typed() {
        for coverage in [Coverage::Specific, Coverage::Universal] {
            let code = request(coverage).to_string();
            assert_eq!(code.parse::<RequestCode>().unwrap(), request(coverage));
            assert_eq!(
                format!(" {code}\n").parse::<RequestCode>().unwrap(),
                request(coverage)
            );
        }
        let code = request(Coverage::Specific).to_string();
        assert!(code.starts_with("CB-ZNCS1004:CAT2231B-00-"), "{code}");
        for wrong in [
            "",
            "-",
            "CB-Z-86",
            "CA-ZNCS1004:CAT-x-86",
            &code.replace("CAT", "CAD"),
        ] {
            let refused = wrong.parse::<RequestCode>().unwrap_err().to_string();
            assert!(refused.starts_with("the request code "), "{refused}");
        }
    }

    #[test]
    fn what_confirms_and_gives_back_leads_to_the_commitment_and_not_the_other_way() {
        let (secret, commitment) = (secret(), request(Coverage::Specific).commitment);
        let first = Link::from_confirmation_code(&secret.confirmation_code(1)).unwrap();
        assert_eq!(first.after(1), commitment);
        let third = Link::from_confirmation_code(&secret.confirmation_code(3).to_uppercase()).unwrap();
        assert_eq!(third.after(2), first);
        let back = Link::from_return_code(&secret.return_code()).unwrap();
        assert_eq!(back.after(COMMITMENT), commitment);
        assert_eq!(back, secret.link(0));
        assert_ne!(first.after(2), commitment);
        assert_eq!(secret.confirmation_code(1).len(), 20);
        for wrong in ["", "1748", "17488c1g0123456789ab", "17488c1f0123456789abcd"] {
            assert_eq!(Link::from_confirmation_code(wrong), None);
        }
        assert!(!format!("{secret:?}").contains(secret.to_keep().reveal().as_str()));
    }

    #[test]
    fn a_return_code_comes_in_groups_of_six() {
        let code = secret().return_code();
        let groups: Vec<&str> = code.split('-').collect();
        assert!(
            groups.iter().rev().skip(1).all(|group| group.len() == 6),
            "{code}"
        );
        assert_eq!(
            Link::from_return_code(&code.replace('-', "")),
            Some(secret().link(0))
        );
    }

    proptest! {
        #[test]
        fn a_mistyped_code_is_refused(position in 0..100_usize, letter in "[0-9A-Za-z-]") {
            for code in [request(Coverage::Specific).to_string(), secret().return_code()] {
                let mut letters: Vec<String> = code.chars().map(String::from).collect();
                let position = position % letters.len();
                if letters[position].eq_ignore_ascii_case(&letter) || letter == "-" || letters[position] == "-" {
                    continue;
                }
                letters[position] = letter.clone();
                let mistyped = letters.concat();
                // One in 256 slips through the two check digits, but not to the same commitment.
                if let Ok(read) = mistyped.parse::<RequestCode>() {
                    prop_assert_ne!(read, request(Coverage::Specific));
                }
                if let Some(read) = Link::from_return_code(&mistyped) {
                    prop_assert_ne!(read, secret().link(0));
                }
            }
        }
    }
}
