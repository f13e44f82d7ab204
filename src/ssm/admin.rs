//! Commands for the people who run the licence server: what they ask, what they get, and the changes that follow.

pub mod listing;
mod reservation;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::licensing::catalogue::Entitlement;
use crate::licensing::secret::Secret;
use crate::licensing::signature::{self, SignatureError};
use crate::ssm::account::{
    Account, Change, ProductInstance, Purchase, TOKEN_DAYS, Token, VirtualAccount, same_name, token_expiry,
};
use crate::ssm::admin::listing::{Output, account_rows, instance_row, pool_rows, token_row};
use crate::ssm::server::Server;

/// A command, as `ponder ssm …` sends it to a running server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Make a registration token.
    TokenCreate {
        /// Where its devices land; the default virtual account when absent.
        virtual_account: Option<String>,
        /// What it is for.
        description: String,
        /// Validity, 1 to 365 (L-010).
        days: u32,
        /// Its devices may use export-controlled functionality.
        export_control_allowed: bool,
    },
    /// List the registration tokens.
    TokenList {
        /// Show them in full, not only their beginnings.
        reveal: bool,
    },
    /// Withdraw a registration token. Devices that are registered stay so.
    TokenRevoke {
        /// Its number in the list.
        id: u32,
    },
    /// Put licences into a pool, or take some out.
    LicenceAdd {
        /// Whose pool; the default virtual account's when absent.
        virtual_account: Option<String>,
        /// Short or full entitlement tag.
        entitlement: String,
        /// How many; below zero takes some out.
        quantity: i64,
    },
    /// List the pools.
    LicenceList,
    /// Add a virtual account.
    AccountAdd {
        /// Its name.
        name: String,
    },
    /// List the virtual accounts.
    AccountList,
    /// Make a virtual account the default one.
    AccountDefault {
        /// Its name.
        name: String,
    },
    /// List the registered devices.
    InstanceList,
    /// Remove a device; its licences are free at once, and it learns of it at its next exchange (L-014, L-103).
    InstanceRemove {
        /// Its serial number, or its name at the server.
        name: String,
    },
    /// Set licences aside for a device, and make its authorization code.
    ReservationReserve {
        /// The device's request code.
        request_code: String,
        /// Short or full tag and count of each; empty for a universal request.
        licences: Vec<(String, u32)>,
        /// How long; for ever when absent.
        days: Option<u32>,
        /// Whose licences; the default virtual account's when absent.
        virtual_account: Option<String>,
        /// Export-controlled functionality is allowed.
        export_control_allowed: bool,
    },
    /// Make a further authorization code for a device, which takes the place of the one before.
    ReservationUpdate {
        /// Its serial number.
        device: String,
        /// All that is to be reserved from then on.
        licences: Vec<(String, u32)>,
        /// How long; for ever when absent.
        days: Option<u32>,
    },
    /// Show the latest authorization code of a device again.
    ReservationCode {
        /// Its serial number.
        device: String,
    },
    /// Take a confirmation code.
    ReservationConfirm {
        /// As the device gave it.
        code: String,
    },
    /// Take a return code.
    ReservationReturn {
        /// As the device gave it.
        code: String,
    },
    /// End a reservation without the device.
    ReservationRemove {
        /// Its serial number.
        device: String,
    },
    /// List the reservations.
    ReservationList,
}

/// Why a command is refused; names the thing, the value and the rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// Validity of a token.
    #[error("a token cannot be valid for {0} days: 1 to 365 are allowed")]
    Days(u32),
    /// No such token.
    #[error("there is no token {0}; `token list` shows the numbers")]
    Token(u32),
    /// No such virtual account.
    #[error("there is no virtual account {name:?}; there are: {known}")]
    VirtualAccount {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The name is taken.
    #[error("there is a virtual account {0:?} already")]
    NameTaken(String),
    /// The name cannot be one.
    #[error("{what} {text:?} must have {rule}")]
    Text {
        /// Which text.
        what: &'static str,
        /// What it is.
        text: String,
        /// What it should be.
        rule: &'static str,
    },
    /// No such entitlement.
    #[error("there is no entitlement {tag:?}; there are: {known}")]
    Entitlement {
        /// What was asked for.
        tag: String,
        /// What there is.
        known: String,
    },
    /// A quantity without sense.
    #[error("{quantity} licences cannot be added to {entitlement}, of which there are {purchased}: {rule}")]
    Quantity {
        /// Of what.
        entitlement: &'static str,
        /// How many were asked for.
        quantity: i64,
        /// How many there are.
        purchased: u64,
        /// What would be right.
        rule: &'static str,
    },
    /// No such device.
    #[error("there is no product instance {0:?}; `instance list` shows them")]
    Instance(String),
    /// Several devices of that name.
    #[error("{count} product instances have the serial number {name:?}; use the name of one of them")]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// How many.
        count: usize,
    },
    /// What was typed is no request code.
    #[error("{0}")]
    RequestCode(String),
    /// One reservation a device.
    #[error("{0} has a reservation already; update it, or have the device return it")]
    Reserved(String),
    /// Registered or reserved, not both.
    #[error("{0} is registered; deregister it before licences are reserved for it")]
    Registered(String),
    /// No such reservation.
    #[error("there is no reservation of {0:?}; `reservation list` shows them")]
    NoReservation(String),
    /// A code that no device with a reservation can have made.
    #[error("the {0} code belongs to no reservation: it was mistyped, or taken before")]
    Code(&'static str),
    /// Licences were named or not, and it should be the other way.
    #[error("{0}")]
    Wanted(&'static str),
    /// An entitlement came twice.
    #[error("{0} is named twice")]
    Twice(&'static str),
    /// A count without sense.
    #[error("{count} of {entitlement} cannot be reserved: 1 to 1000000 are allowed")]
    ReservedCount {
        /// Of what.
        entitlement: &'static str,
        /// How many were asked for.
        count: u32,
    },
    /// A term without sense.
    #[error("licences cannot be reserved for {0} days: 1 to 36600 are allowed")]
    Term(u32),
    /// Not enough in the pool.
    #[error(
        "{wanted} of {entitlement} cannot be reserved: {virtual_account} has {available} that nobody uses or has reserved"
    )]
    NotAvailable {
        /// Of what.
        entitlement: &'static str,
        /// How many were asked for.
        wanted: u64,
        /// How many there are.
        available: u64,
        /// Whose pool.
        virtual_account: String,
    },
    /// The links of a request are used up.
    #[error(
        "the reservation of {0:?} has had all its revisions; have the device return it and request again"
    )]
    Revisions(String),
    /// It cannot be signed.
    #[error("making the authorization code: {0}")]
    Authorization(String),
    /// The cryptographic library gave no random bytes.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// Works out a command: the changes to be stored and applied, and what to answer then.
pub fn decide(server: &Server, command: &Command, now: Timestamp) -> Result<(Vec<Change>, Output), Refused> {
    let account = &server.account;
    match command {
        Command::TokenCreate {
            virtual_account,
            description,
            days,
            export_control_allowed,
        } => {
            if !TOKEN_DAYS.contains(days) {
                return Err(Refused::Days(*days));
            }
            let token = Token {
                id: account.next_token_id(),
                secret: Secret::new(signature::random_text()?),
                virtual_account: find_account(account, virtual_account.as_deref())?.id,
                description: text(
                    "description",
                    description,
                    0..=255,
                    "at most 255 characters on one line",
                )?,
                created: now,
                expires: token_expiry(now, *days),
                export_control_allowed: *export_control_allowed,
                revoked: false,
                uses: 0,
            };
            let row = token_row(account, &token, true, now);
            Ok((vec![Change::Token(token)], Output::Token(row)))
        }
        Command::TokenList { reveal } => {
            let rows = account
                .tokens()
                .map(|token| token_row(account, token, *reveal, now));
            Ok((Vec::new(), Output::Tokens(rows.collect())))
        }
        Command::TokenRevoke { id } => {
            let mut token = account.token(*id).cloned().ok_or(Refused::Token(*id))?;
            token.revoked = true;
            Ok((
                vec![Change::Token(token)],
                Output::Done(format!("revoked token {id}")),
            ))
        }
        Command::LicenceAdd {
            virtual_account,
            entitlement,
            quantity,
        } => add_licences(account, virtual_account.as_deref(), entitlement, *quantity, now),
        Command::LicenceList => Ok((Vec::new(), Output::Pools(pool_rows(account)))),
        Command::AccountAdd { name } => {
            let name = text("the name", name.trim(), 1..=64, "1 to 64 characters on one line")?;
            if account
                .virtual_accounts()
                .any(|other| same_name(&other.name, &name))
            {
                return Err(Refused::NameTaken(name));
            }
            let done = format!("added virtual account {name}");
            let added = VirtualAccount {
                id: account.next_virtual_account_id(),
                name,
                is_default: false,
            };
            Ok((vec![Change::VirtualAccount(added)], Output::Done(done)))
        }
        Command::AccountList => Ok((Vec::new(), Output::Accounts(account_rows(account)))),
        Command::AccountDefault { name } => {
            let chosen = VirtualAccount {
                is_default: true,
                ..find_account(account, Some(name))?.clone()
            };
            let done = format!("{} is the default virtual account now", chosen.name);
            Ok((vec![Change::VirtualAccount(chosen)], Output::Done(done)))
        }
        Command::InstanceList => {
            let rows = account
                .instances()
                .map(|instance| instance_row(account, instance));
            Ok((Vec::new(), Output::Instances(rows.collect())))
        }
        Command::InstanceRemove { name } => {
            let instance = find_instance(account, name)?;
            let done = format!(
                "removed {} ({}); its licences are free",
                instance.id, instance.udi
            );
            let change = Change::InstanceRemoved(instance.id.clone());
            Ok((vec![change], Output::Done(done)))
        }
        Command::ReservationReserve {
            request_code,
            licences,
            days,
            virtual_account,
            export_control_allowed,
        } => {
            let owner = (virtual_account.as_deref(), *export_control_allowed);
            reservation::reserve(server, request_code, licences, *days, owner, now)
        }
        Command::ReservationUpdate {
            device,
            licences,
            days,
        } => reservation::update(server, device, licences, *days, now),
        Command::ReservationCode { device } => reservation::code(server, device),
        Command::ReservationConfirm { code } => reservation::confirm(account, code, now),
        Command::ReservationReturn { code } => reservation::give_back(account, code),
        Command::ReservationRemove { device } => reservation::remove(account, device),
        Command::ReservationList => Ok(reservation::list(account)),
    }
}

fn add_licences(
    account: &Account,
    virtual_account: Option<&str>,
    tag: &str,
    quantity: i64,
    now: Timestamp,
) -> Result<(Vec<Change>, Output), Refused> {
    let entitlement = find_entitlement(tag)?;
    let owner = find_account(account, virtual_account)?;
    let pool = account.pool(owner.id, entitlement);
    let refuse = |rule| Refused::Quantity {
        entitlement: entitlement.short_tag(),
        quantity,
        purchased: pool.purchased,
        rule,
    };
    if quantity == 0 {
        return Err(refuse("the quantity must not be 0"));
    }
    let total = pool.purchased.checked_add_signed(quantity);
    let total = total.ok_or_else(|| refuse("a pool cannot hold fewer than 0"))?;
    if total > MAX_POOL {
        return Err(refuse("a pool can hold at most 1000000000"));
    }
    let purchase = Purchase {
        virtual_account: owner.id,
        entitlement,
        quantity,
        at: now,
    };
    let short_tag = entitlement.short_tag();
    let done = format!(
        "{} has {total} of {short_tag} now, {} in use",
        owner.name, pool.in_use
    );
    Ok((vec![Change::Purchase(purchase)], Output::Done(done)))
}

const MAX_POOL: u64 = 1_000_000_000;

fn find_entitlement(tag: &str) -> Result<Entitlement, Refused> {
    let mut every = Entitlement::ALL.into_iter();
    let found = every.find(|entitlement| [entitlement.short_tag(), entitlement.entry().tag].contains(&tag));
    found.ok_or_else(|| Refused::Entitlement {
        tag: tag.to_owned(),
        known: Entitlement::ALL.map(Entitlement::short_tag).join(", "),
    })
}

fn find_account<'a>(account: &'a Account, name: Option<&str>) -> Result<&'a VirtualAccount, Refused> {
    account.virtual_account(name).ok_or_else(|| {
        let known = account.virtual_accounts().map(|known| known.name.as_str());
        Refused::VirtualAccount {
            name: name.unwrap_or_default().to_owned(),
            known: known.collect::<Vec<_>>().join(", "),
        }
    })
}

fn find_instance<'a>(account: &'a Account, name: &str) -> Result<&'a ProductInstance, Refused> {
    if let Some(instance) = account.instance(name) {
        return Ok(instance);
    }
    let found = account
        .instances()
        .filter(|instance| instance.udi.serial_number == name);
    match found.collect::<Vec<_>>().as_slice() {
        [] => Err(Refused::Instance(name.to_owned())),
        [instance] => Ok(instance),
        several => Err(Refused::Ambiguous {
            name: name.to_owned(),
            count: several.len(),
        }),
    }
}

fn text(
    what: &'static str,
    text: &str,
    length: std::ops::RangeInclusive<usize>,
    rule: &'static str,
) -> Result<String, Refused> {
    if length.contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Refused::Text {
        what,
        text: text.to_owned(),
        rule,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssm::test_device::{DAY, add, command, create_token, now, server};

    fn refusal(command: &Command) -> String {
        let server = server();
        decide(&server, command, now()).unwrap_err().to_string()
    }

    #[test]
    fn a_token_is_valid_for_1_to_365_days() {
        let mut server = server();
        for days in [0, 366, u32::MAX] {
            let refused = decide(&server, &create_token(days), now());
            assert_eq!(refused, Err(Refused::Days(days)));
        }
        for days in [1, 365] {
            let Output::Token(row) = command(&mut server, &create_token(days), now()) else {
                panic!()
            };
            assert_eq!(row.expires, now() + DAY * i32::try_from(days).unwrap());
            assert_eq!(row.token.len(), 22);
        }
    }

    #[test]
    fn tokens_are_listed_by_their_beginnings_and_in_full_on_request() {
        let mut server = server();
        let created = command(&mut server, &create_token(1), now());
        assert_eq!(created.to_string().len(), 22);
        let listed = command(&mut server, &Command::TokenList { reveal: false }, now());
        assert!(!listed.to_string().contains(&created.to_string()));
        assert!(
            listed
                .to_string()
                .contains(&format!("{}...", &created.to_string()[..4]))
        );
        let listed = command(&mut server, &Command::TokenList { reveal: true }, now());
        assert!(listed.to_string().contains(&created.to_string()));
        assert!(!format!("{listed:?}").contains(&created.to_string()));
        command(&mut server, &Command::TokenRevoke { id: 1 }, now());
        let listed = command(&mut server, &Command::TokenList { reveal: false }, now());
        assert!(listed.to_string().contains("revoked"));
    }

    #[test]
    fn licences_come_and_go_and_never_below_zero() {
        let mut server = server();
        let done = command(&mut server, &add(Entitlement::LongHaul, 5), now());
        assert_eq!(
            done.to_string(),
            "Default has 5 of S_NCS1K4_LONGHAUL now, 0 in use"
        );
        command(&mut server, &add(Entitlement::LongHaul, -2), now());
        let listed = command(&mut server, &Command::LicenceList, now());
        assert_eq!(
            listed.to_string(),
            "VIRTUAL ACCOUNT  ENTITLEMENT        PURCHASED  IN USE  BALANCE\n\
             Default          S_NCS1K4_LONGHAUL  3          0       +3"
        );
        let refused = decide(&server, &add(Entitlement::LongHaul, -4), now()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "-4 licences cannot be added to S_NCS1K4_LONGHAUL, of which there are 3: a pool cannot hold fewer than 0"
        );
        assert!(refusal(&add(Entitlement::LongHaul, 0)).contains("must not be 0"));
        assert!(refusal(&add(Entitlement::LongHaul, i64::MAX)).contains("at most"));
    }

    #[test]
    fn an_unknown_entitlement_account_or_device_is_refused_with_what_there_is() {
        let unknown = Command::LicenceAdd {
            virtual_account: None,
            entitlement: "S-NCS1K4-LIC-100G".to_owned(),
            quantity: 1,
        };
        let refused = refusal(&unknown);
        assert!(
            refused.starts_with(
                "there is no entitlement \"S-NCS1K4-LIC-100G\"; there are: S-NCS1K4-LIC-100G=, "
            ),
            "{refused}"
        );
        let elsewhere = Command::LicenceAdd {
            virtual_account: Some("Sea".to_owned()),
            entitlement: Entitlement::Subsea.entry().tag.to_owned(),
            quantity: 1,
        };
        assert_eq!(
            refusal(&elsewhere),
            "there is no virtual account \"Sea\"; there are: Default"
        );
        let name = "CAT1".to_owned();
        assert!(refusal(&Command::InstanceRemove { name }).contains("\"CAT1\""));
        assert!(refusal(&Command::TokenRevoke { id: 7 }).contains("there is no token 7"));
    }

    #[test]
    fn exactly_one_virtual_account_is_the_default_one() {
        let mut server = server();
        let name = "Sea".to_owned();
        command(&mut server, &Command::AccountAdd { name: name.clone() }, now());
        let again = Command::AccountAdd {
            name: "sEA".to_owned(),
        };
        assert_eq!(
            decide(&server, &again, now()),
            Err(Refused::NameTaken("sEA".to_owned()))
        );
        command(&mut server, &Command::AccountDefault { name }, now());
        let defaults = server
            .account
            .virtual_accounts()
            .filter(|account| account.is_default);
        let defaults: Vec<_> = defaults.map(|account| account.name.as_str()).collect();
        assert_eq!(defaults, ["Sea"]);
        let done = command(&mut server, &add(Entitlement::Subsea, 1), now());
        assert!(done.to_string().starts_with("Sea has 1"));
        let blank = Command::AccountAdd { name: " ".to_owned() };
        assert!(decide(&server, &blank, now()).is_err());
    }
}
