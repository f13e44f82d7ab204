//! What the commands of the licence server answer: rows for programs, tables for people.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::licensing::message::reservation::Coverage;
use crate::ssm::account::{Account, ProductInstance, Token};
use crate::ssm::reservation::Reservation;

/// What a command answers; its `Display` is for people, its JSON for programs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// A new token.
    Token(TokenRow),
    /// The tokens.
    Tokens(Vec<TokenRow>),
    /// The pools.
    Pools(Vec<PoolRow>),
    /// The virtual accounts.
    Accounts(Vec<AccountRow>),
    /// The devices.
    Instances(Vec<InstanceRow>),
    /// An authorization code.
    AuthorizationCode(String),
    /// The reservations.
    Reservations(Vec<ReservationRow>),
    /// It was done; says what.
    Done(String),
}

/// A token as it is listed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRow {
    /// Its number.
    pub id: u32,
    /// In full where it was asked for, or its beginning.
    pub token: String,
    /// Where its devices land.
    pub virtual_account: String,
    /// What it is for.
    pub description: String,
    /// When it ends.
    pub expires: Timestamp,
    /// `valid`, `expired` or `revoked`.
    pub state: String,
    /// Registrations with it.
    pub uses: u32,
    /// Its devices may use export-controlled functionality.
    pub export_control_allowed: bool,
}

// The token may be there in full.
impl fmt::Debug for TokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRow")
            .field("id", &self.id)
            .field("token", &"<secret>")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A pool as it is listed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolRow {
    /// Whose.
    pub virtual_account: String,
    /// Short tag.
    pub entitlement: String,
    /// Licences that are there.
    pub purchased: u64,
    /// Licences in use.
    pub in_use: u64,
    /// Licences that are reserved.
    pub reserved: u64,
    /// Surplus, or shortage below zero.
    pub balance: i64,
}

/// A virtual account as it is listed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRow {
    /// Its name.
    pub name: String,
    /// The default one.
    pub is_default: bool,
    /// Devices in it.
    pub instances: usize,
}

/// A device as it is listed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceRow {
    /// Its name at the server.
    pub id: String,
    /// Product identifier.
    pub pid: String,
    /// Serial number.
    pub serial_number: String,
    /// Unless the device keeps it private.
    pub hostname: Option<String>,
    /// Where it is.
    pub virtual_account: String,
    /// Last exchange.
    pub last_contact: Timestamp,
    /// End of its registration.
    pub expires: Timestamp,
    /// Two devices with this identity were suspected then.
    pub clone_suspected: Option<Timestamp>,
    /// What it uses, as short tag and count.
    pub usage: Vec<(String, u32)>,
}

/// A reservation as it is listed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReservationRow {
    /// Whose.
    pub serial_number: String,
    /// Product identifier.
    pub pid: String,
    /// Whose licences.
    pub virtual_account: String,
    /// `specific` or `universal`.
    pub kind: String,
    /// When it was made.
    pub created: Timestamp,
    /// The latest revision that was issued.
    pub issued: u32,
    /// The latest revision that the device has confirmed; 0 for none.
    pub confirmed: u32,
    /// What the latest revision grants, as tag, count and end of the term.
    pub licences: Vec<String>,
}

pub(super) fn reservation_row(account: &Account, reservation: &Reservation) -> ReservationRow {
    let latest = reservation.latest();
    let licences = latest.map_or(&[][..], |latest| &latest.licences);
    ReservationRow {
        serial_number: reservation.serial_number.clone(),
        pid: reservation.pid.clone(),
        virtual_account: account
            .virtual_account_name(reservation.virtual_account)
            .to_owned(),
        kind: match reservation.coverage {
            Coverage::Specific => "specific".to_owned(),
            Coverage::Universal => "universal".to_owned(),
        },
        created: reservation.created,
        issued: latest.map_or(0, |latest| latest.number),
        confirmed: reservation.confirmed,
        licences: licences
            .iter()
            .map(|licence| {
                let (tag, count) = (licence.entitlement.short_tag(), licence.count);
                match licence.end {
                    Some(end) => format!("{tag} {count} until {}", seconds(end)),
                    None => format!("{tag} {count}"),
                }
            })
            .collect(),
    }
}

pub(super) fn token_row(account: &Account, token: &Token, reveal: bool, now: Timestamp) -> TokenRow {
    let secret = token.secret.reveal();
    let state = if token.revoked {
        "revoked"
    } else if now >= token.expires {
        "expired"
    } else {
        "valid"
    };
    TokenRow {
        id: token.id,
        token: if reveal {
            secret.clone()
        } else {
            secret.chars().take(4).chain("...".chars()).collect()
        },
        virtual_account: account.virtual_account_name(token.virtual_account).to_owned(),
        description: token.description.clone(),
        expires: token.expires,
        state: state.to_owned(),
        uses: token.uses,
        export_control_allowed: token.export_control_allowed,
    }
}

pub(super) fn pool_rows(account: &Account) -> Vec<PoolRow> {
    let rows = account.pools().map(|(owner, entitlement, pool)| {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        PoolRow {
            virtual_account: account.virtual_account_name(owner).to_owned(),
            entitlement: entitlement.short_tag().to_owned(),
            purchased: pool.purchased,
            in_use: pool.in_use,
            reserved: pool.reserved,
            balance: signed(pool.purchased) - signed(pool.in_use.saturating_add(pool.reserved)),
        }
    });
    rows.filter(|row| row.purchased > 0 || row.in_use > 0 || row.reserved > 0)
        .collect()
}

pub(super) fn account_rows(account: &Account) -> Vec<AccountRow> {
    let rows = account.virtual_accounts().map(|row| AccountRow {
        name: row.name.clone(),
        is_default: row.is_default,
        instances: account
            .instances()
            .filter(|instance| instance.virtual_account == row.id)
            .count(),
    });
    rows.collect()
}

pub(super) fn instance_row(account: &Account, instance: &ProductInstance) -> InstanceRow {
    let usage = instance.usage.iter();
    InstanceRow {
        id: instance.id.clone(),
        pid: instance.udi.pid.clone(),
        serial_number: instance.udi.serial_number.clone(),
        hostname: instance.hostname.clone(),
        virtual_account: account.virtual_account_name(instance.virtual_account).to_owned(),
        last_contact: instance.last_contact,
        expires: instance.expires(),
        clone_suspected: instance.clone_suspected,
        usage: usage
            .map(|(entitlement, count)| (entitlement.short_tag().to_owned(), *count))
            .collect(),
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Alone on its line, so that a script can take it.
            Output::Token(row) => f.write_str(&row.token),
            Output::AuthorizationCode(code) => f.write_str(code),
            Output::Done(done) => f.write_str(done),
            Output::Tokens(rows) => {
                let header = [
                    "ID",
                    "TOKEN",
                    "VIRTUAL ACCOUNT",
                    "EXPIRES",
                    "STATE",
                    "USES",
                    "EXPORT",
                    "DESCRIPTION",
                ];
                let rows = rows.iter().map(|row| {
                    let export = if row.export_control_allowed {
                        "allowed"
                    } else {
                        "not allowed"
                    };
                    vec![
                        row.id.to_string(),
                        row.token.clone(),
                        row.virtual_account.clone(),
                        seconds(row.expires),
                        row.state.clone(),
                        row.uses.to_string(),
                        export.to_owned(),
                        row.description.clone(),
                    ]
                });
                table(f, &header, rows.collect())
            }
            Output::Pools(rows) => {
                let mut header = vec!["VIRTUAL ACCOUNT", "ENTITLEMENT", "PURCHASED", "IN USE", "BALANCE"];
                let any_reserved = rows.iter().any(|row| row.reserved > 0);
                header.extend(any_reserved.then_some("RESERVED"));
                let rows = rows.iter().map(|row| {
                    let mut cells = vec![
                        row.virtual_account.clone(),
                        row.entitlement.clone(),
                        row.purchased.to_string(),
                        row.in_use.to_string(),
                        format!("{:+}", row.balance),
                    ];
                    cells.extend(any_reserved.then(|| row.reserved.to_string()));
                    cells
                });
                table(f, &header, rows.collect())
            }
            Output::Reservations(rows) => {
                let header = [
                    "SERIAL NUMBER",
                    "PID",
                    "VIRTUAL ACCOUNT",
                    "KIND",
                    "MADE",
                    "ISSUED",
                    "CONFIRMED",
                    "LICENCES",
                ];
                let rows = rows.iter().map(|row| {
                    vec![
                        row.serial_number.clone(),
                        row.pid.clone(),
                        row.virtual_account.clone(),
                        row.kind.clone(),
                        seconds(row.created),
                        row.issued.to_string(),
                        row.confirmed.to_string(),
                        row.licences.join(", "),
                    ]
                });
                table(f, &header, rows.collect())
            }
            Output::Accounts(rows) => {
                let header = ["VIRTUAL ACCOUNT", "DEFAULT", "INSTANCES"];
                let rows = rows.iter().map(|row| {
                    let default = if row.is_default { "yes" } else { "" };
                    vec![row.name.clone(), default.to_owned(), row.instances.to_string()]
                });
                table(f, &header, rows.collect())
            }
            Output::Instances(rows) => {
                let header = [
                    "SERIAL NUMBER",
                    "PID",
                    "HOSTNAME",
                    "VIRTUAL ACCOUNT",
                    "LAST CONTACT",
                    "EXPIRES",
                    "USAGE",
                    "NAME",
                ];
                let rows = rows.iter().map(|row| {
                    let usage = row.usage.iter().map(|(tag, count)| format!("{tag} {count}"));
                    let mut usage = usage.collect::<Vec<_>>().join(", ");
                    if let Some(at) = row.clone_suspected {
                        usage.push_str(&format!(" (copy of the device suspected at {})", seconds(at)));
                    }
                    vec![
                        row.serial_number.clone(),
                        row.pid.clone(),
                        row.hostname.clone().unwrap_or_default(),
                        row.virtual_account.clone(),
                        seconds(row.last_contact),
                        seconds(row.expires),
                        usage,
                        row.id.clone(),
                    ]
                });
                table(f, &header, rows.collect())
            }
        }
    }
}

fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}

fn table(f: &mut fmt::Formatter<'_>, header: &[&str], rows: Vec<Vec<String>>) -> fmt::Result {
    let widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(column, title)| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .max(title.len())
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    write!(f, "{}", line(&mut header.iter().copied()))?;
    for row in &rows {
        write!(f, "\n{}", line(&mut row.iter().map(String::as_str)))?;
    }
    Ok(())
}
