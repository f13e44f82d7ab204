//! The state of the licence server in SQLite: loaded whole at the start, every change on disk before it is acknowledged.

pub mod folder;
mod reservation;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

use crate::licensing::catalogue::Entitlement;
use crate::licensing::message::Udi;
use crate::licensing::secret::Secret;
use crate::ssm::account::{
    Account, Change, Identity, ProductInstance, Purchase, Token, VirtualAccount, VirtualAccountId,
};
use crate::ssm::ca::Material;
use crate::state_dir::StateDirError;

/// Why the state cannot be read or written, in one line.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The state folder or a file in it cannot be used.
    #[error(transparent)]
    Folder(#[from] StateDirError),
    /// The database fails.
    #[error("database {path}: {cause}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: sqlx::Error,
    },
    /// The database was written by a later version.
    #[error(
        "database {path} has layout {found}; this version knows {known}: it was written by a later ponder"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The latest one that is known.
        known: i64,
    },
}

/// An open database.
#[derive(Debug)]
pub struct Store {
    connection: SqliteConnection,
    path: PathBuf,
}

/// What a database holds.
#[derive(Debug)]
pub struct Stored {
    /// The certificate authority.
    pub authority: Vec<Material>,
    /// The account.
    pub account: Account,
}

/// The layout of the tables; a later one is refused, an earlier one will be brought up to date here.
const SCHEMA_VERSION: i64 = 2;

/// The first layout; [`RESERVATIONS`] follows it.
const SCHEMA: &str = "
CREATE TABLE account (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    name TEXT NOT NULL
) STRICT;
CREATE TABLE authority (
    name TEXT PRIMARY KEY,
    certificate TEXT NOT NULL,
    private_key TEXT NOT NULL
) STRICT;
CREATE TABLE virtual_account (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_default INTEGER NOT NULL
) STRICT;
CREATE TABLE token (
    id INTEGER PRIMARY KEY,
    secret TEXT NOT NULL UNIQUE,
    virtual_account INTEGER NOT NULL REFERENCES virtual_account (id),
    description TEXT NOT NULL,
    created TEXT NOT NULL,
    expires TEXT NOT NULL,
    export_control_allowed INTEGER NOT NULL,
    revoked INTEGER NOT NULL,
    uses INTEGER NOT NULL
) STRICT;
CREATE TABLE purchase (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    virtual_account INTEGER NOT NULL REFERENCES virtual_account (id),
    entitlement TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE TABLE product_instance (
    id TEXT PRIMARY KEY,
    pid TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    uuid TEXT NOT NULL,
    virtual_account INTEGER NOT NULL REFERENCES virtual_account (id),
    hostname TEXT,
    software_tag TEXT NOT NULL,
    agent_version TEXT,
    registered TEXT NOT NULL,
    last_contact TEXT NOT NULL,
    last_sequence INTEGER NOT NULL,
    export_control_allowed INTEGER NOT NULL,
    public_key BLOB NOT NULL,
    expires TEXT NOT NULL,
    next_public_key BLOB,
    next_expires TEXT,
    clone_suspected TEXT,
    UNIQUE (pid, serial_number, uuid)
) STRICT;
CREATE TABLE usage (
    product_instance TEXT NOT NULL REFERENCES product_instance (id) ON DELETE CASCADE,
    entitlement TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (product_instance, entitlement)
) STRICT;
CREATE TABLE nonce (
    nonce TEXT PRIMARY KEY,
    until_second INTEGER NOT NULL
) STRICT;
CREATE INDEX nonce_until ON nonce (until_second);
PRAGMA user_version = 1;
";

/// What the second layout added.
const RESERVATIONS: &str = "
CREATE TABLE reservation (
    request TEXT PRIMARY KEY,
    pid TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    coverage TEXT NOT NULL,
    virtual_account INTEGER NOT NULL REFERENCES virtual_account (id),
    export_control_allowed INTEGER NOT NULL,
    created TEXT NOT NULL,
    link TEXT NOT NULL,
    confirmed INTEGER NOT NULL,
    revisions TEXT NOT NULL,
    held TEXT NOT NULL,
    held_until TEXT,
    UNIQUE (pid, serial_number)
) STRICT;
PRAGMA user_version = 2;
";

impl Store {
    /// Opens the database, and makes its tables when it is new.
    pub async fn open(path: &Path) -> Result<Store, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a commit is on disk when it returns, also when the machine loses power.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // Statements carry no values, but there is nothing in them for the log either.
            .disable_statement_logging();
        let at = |cause| StoreError::Database {
            path: path.to_owned(),
            cause,
        };
        let mut connection = options.connect().await.map_err(at)?;
        let version = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection);
        let version: i64 = version.await.map_err(at)?;
        if version > SCHEMA_VERSION {
            return Err(StoreError::Version {
                path: path.to_owned(),
                found: version,
                known: SCHEMA_VERSION,
            });
        }
        let missing = [(1, SCHEMA), (2, RESERVATIONS)];
        let missing = missing.into_iter().filter(|(layout, _)| version < *layout);
        let mut transaction = connection.begin().await.map_err(at)?;
        for (_, tables) in missing {
            let made = sqlx::raw_sql(tables).execute(&mut *transaction);
            made.await.map_err(at)?;
        }
        transaction.commit().await.map_err(at)?;
        Ok(Store {
            connection,
            path: path.to_owned(),
        })
    }

    /// Writes the authority, the name of the account and its first changes, all or nothing.
    pub async fn found(
        &mut self,
        name: &str,
        authority: &[Material],
        first: &[Change],
    ) -> Result<(), StoreError> {
        let result = async {
            let mut transaction = self.connection.begin().await?;
            sqlx::query("INSERT INTO account (only_one, name) VALUES (1, ?)")
                .bind(name)
                .execute(&mut *transaction)
                .await?;
            for material in authority {
                sqlx::query("INSERT INTO authority (name, certificate, private_key) VALUES (?, ?, ?)")
                    .bind(&material.name)
                    .bind(&material.certificate)
                    .bind(material.private_key.reveal())
                    .execute(&mut *transaction)
                    .await?;
            }
            for change in first {
                write(&mut transaction, change).await?;
            }
            transaction.commit().await
        };
        let result = result.await;
        result.map_err(|cause| self.failed(cause))
    }

    /// Everything; `None` for a database that was not founded.
    pub async fn load(&mut self) -> Result<Option<Stored>, StoreError> {
        let result = load(&mut self.connection).await;
        result.map_err(|cause| self.failed(cause))
    }

    /// Stores changes, all or nothing; they are on disk when this returns.
    pub async fn record(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let result = async {
            let mut transaction = self.connection.begin().await?;
            for change in changes {
                write(&mut transaction, change).await?;
            }
            transaction.commit().await
        };
        let result = result.await;
        result.map_err(|cause| self.failed(cause))
    }

    /// Closes the database in order.
    pub async fn close(self) -> Result<(), StoreError> {
        let path = self.path;
        let closed = self.connection.close().await;
        closed.map_err(|cause| StoreError::Database { path, cause })
    }

    fn failed(&self, cause: sqlx::Error) -> StoreError {
        StoreError::Database {
            path: self.path.clone(),
            cause,
        }
    }
}

async fn write(connection: &mut SqliteConnection, change: &Change) -> Result<(), sqlx::Error> {
    match change {
        Change::VirtualAccount(account) => {
            if account.is_default {
                sqlx::query("UPDATE virtual_account SET is_default = 0")
                    .execute(&mut *connection)
                    .await?;
            }
            sqlx::query(
                "INSERT INTO virtual_account (id, name, is_default) VALUES (?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, is_default = excluded.is_default",
            )
            .bind(account.id.0)
            .bind(&account.name)
            .bind(account.is_default)
            .execute(connection)
            .await?;
        }
        Change::Token(token) => {
            sqlx::query(
                "INSERT INTO token (id, secret, virtual_account, description, created, expires,
                     export_control_allowed, revoked, uses) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET description = excluded.description, expires = excluded.expires,
                     revoked = excluded.revoked, uses = excluded.uses",
            )
            .bind(token.id)
            .bind(token.secret.reveal())
            .bind(token.virtual_account.0)
            .bind(&token.description)
            .bind(token.created.to_string())
            .bind(token.expires.to_string())
            .bind(token.export_control_allowed)
            .bind(token.revoked)
            .bind(token.uses)
            .execute(connection)
            .await?;
        }
        Change::Purchase(purchase) => {
            sqlx::query(
                "INSERT INTO purchase (virtual_account, entitlement, quantity, at) VALUES (?, ?, ?, ?)",
            )
            .bind(purchase.virtual_account.0)
            .bind(purchase.entitlement.short_tag())
            .bind(purchase.quantity)
            .bind(purchase.at.to_string())
            .execute(connection)
            .await?;
        }
        Change::Instance(instance) => write_instance(connection, instance).await?,
        Change::InstanceRemoved(id) => {
            sqlx::query("DELETE FROM product_instance WHERE id = ?")
                .bind(id)
                .execute(connection)
                .await?;
        }
        Change::Reservation(reservation) => reservation::write(connection, reservation).await?,
        Change::ReservationRemoved(request) => {
            sqlx::query("DELETE FROM reservation WHERE request = ?")
                .bind(request)
                .execute(connection)
                .await?;
        }
        Change::Nonce { nonce, until } => {
            sqlx::query("INSERT OR REPLACE INTO nonce (nonce, until_second) VALUES (?, ?)")
                .bind(nonce)
                .bind(until.as_second())
                .execute(connection)
                .await?;
        }
        Change::NoncesForgotten { before } => {
            sqlx::query("DELETE FROM nonce WHERE until_second < ?")
                .bind(before.as_second())
                .execute(connection)
                .await?;
        }
    }
    Ok(())
}

async fn write_instance(
    connection: &mut SqliteConnection,
    instance: &ProductInstance,
) -> Result<(), sqlx::Error> {
    let next = instance.next_identity.as_ref();
    // SQLite's integers are signed; the protocol keeps sequence numbers below 2^63.
    let last_sequence = i64::try_from(instance.last_sequence).unwrap_or(i64::MAX);
    // With the old row goes the old usage.
    sqlx::query("DELETE FROM product_instance WHERE id = ?")
        .bind(&instance.id)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO product_instance (id, pid, serial_number, uuid, virtual_account, hostname,
             software_tag, agent_version, registered, last_contact, last_sequence, export_control_allowed,
             public_key, expires, next_public_key, next_expires, clone_suspected)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&instance.id)
    .bind(&instance.udi.pid)
    .bind(&instance.udi.serial_number)
    .bind(&instance.udi.uuid)
    .bind(instance.virtual_account.0)
    .bind(&instance.hostname)
    .bind(&instance.software_tag)
    .bind(&instance.agent_version)
    .bind(instance.registered.to_string())
    .bind(instance.last_contact.to_string())
    .bind(last_sequence)
    .bind(instance.export_control_allowed)
    .bind(&instance.identity.public_key)
    .bind(instance.identity.expires.to_string())
    .bind(next.map(|next| next.public_key.as_slice()))
    .bind(next.map(|next| next.expires.to_string()))
    .bind(instance.clone_suspected.map(|at| at.to_string()))
    .execute(&mut *connection)
    .await?;
    for (entitlement, count) in &instance.usage {
        sqlx::query("INSERT INTO usage (product_instance, entitlement, count) VALUES (?, ?, ?)")
            .bind(&instance.id)
            .bind(entitlement.short_tag())
            .bind(count)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn load(connection: &mut SqliteConnection) -> Result<Option<Stored>, sqlx::Error> {
    let name = sqlx::query_scalar("SELECT name FROM account").fetch_optional(&mut *connection);
    let Some(name) = name.await? else {
        return Ok(None);
    };
    let name: String = name;
    let mut account = Account::named(&name);
    let mut authority = Vec::new();
    for row in sqlx::query("SELECT * FROM authority")
        .fetch_all(&mut *connection)
        .await?
    {
        authority.push(Material {
            name: row.try_get("name")?,
            certificate: row.try_get("certificate")?,
            private_key: Secret::new(row.try_get("private_key")?),
        });
    }
    for row in sqlx::query("SELECT * FROM virtual_account")
        .fetch_all(&mut *connection)
        .await?
    {
        account.apply(Change::VirtualAccount(VirtualAccount {
            id: VirtualAccountId(row.try_get("id")?),
            name: row.try_get("name")?,
            is_default: row.try_get("is_default")?,
        }));
    }
    for row in sqlx::query("SELECT * FROM token")
        .fetch_all(&mut *connection)
        .await?
    {
        account.apply(Change::Token(Token {
            id: row.try_get("id")?,
            secret: Secret::new(row.try_get("secret")?),
            virtual_account: VirtualAccountId(row.try_get("virtual_account")?),
            description: row.try_get("description")?,
            created: parsed(&row, "created")?,
            expires: parsed(&row, "expires")?,
            export_control_allowed: row.try_get("export_control_allowed")?,
            revoked: row.try_get("revoked")?,
            uses: row.try_get("uses")?,
        }));
    }
    for row in sqlx::query("SELECT * FROM purchase ORDER BY id")
        .fetch_all(&mut *connection)
        .await?
    {
        account.apply(Change::Purchase(Purchase {
            virtual_account: VirtualAccountId(row.try_get("virtual_account")?),
            entitlement: entitlement(&row)?,
            quantity: row.try_get("quantity")?,
            at: parsed(&row, "at")?,
        }));
    }
    load_instances(connection, &mut account).await?;
    reservation::load(connection, &mut account).await?;
    for row in sqlx::query("SELECT * FROM nonce")
        .fetch_all(&mut *connection)
        .await?
    {
        let until = Timestamp::from_second(row.try_get("until_second")?);
        account.apply(Change::Nonce {
            nonce: row.try_get("nonce")?,
            until: until.map_err(|error| wrong("until_second", &error))?,
        });
    }
    Ok(Some(Stored { authority, account }))
}

async fn load_instances(connection: &mut SqliteConnection, account: &mut Account) -> Result<(), sqlx::Error> {
    let mut usages = sqlx::query("SELECT * FROM usage ORDER BY product_instance")
        .fetch_all(&mut *connection)
        .await?
        .into_iter()
        .map(|row| {
            Ok((
                row.try_get("product_instance")?,
                entitlement(&row)?,
                row.try_get("count")?,
            ))
        })
        .collect::<Result<Vec<(String, Entitlement, u32)>, sqlx::Error>>()?
        .into_iter()
        .peekable();
    let instances = sqlx::query("SELECT * FROM product_instance ORDER BY id");
    for row in instances.fetch_all(&mut *connection).await? {
        let mut instance = instance(&row)?;
        while let Some((_, entitlement, count)) = usages.next_if(|(owner, ..)| *owner == instance.id) {
            instance.usage.insert(entitlement, count);
        }
        account.apply(Change::Instance(Box::new(instance)));
    }
    Ok(())
}

fn instance(row: &SqliteRow) -> Result<ProductInstance, sqlx::Error> {
    let last_sequence: i64 = row.try_get("last_sequence")?;
    let next_public_key: Option<Vec<u8>> = row.try_get("next_public_key")?;
    Ok(ProductInstance {
        id: row.try_get("id")?,
        udi: Udi {
            pid: row.try_get("pid")?,
            serial_number: row.try_get("serial_number")?,
            uuid: row.try_get("uuid")?,
        },
        virtual_account: VirtualAccountId(row.try_get("virtual_account")?),
        hostname: row.try_get("hostname")?,
        software_tag: row.try_get("software_tag")?,
        agent_version: row.try_get("agent_version")?,
        registered: parsed(row, "registered")?,
        last_contact: parsed(row, "last_contact")?,
        last_sequence: u64::try_from(last_sequence).map_err(|error| wrong("last_sequence", &error))?,
        export_control_allowed: row.try_get("export_control_allowed")?,
        identity: Identity {
            public_key: row.try_get("public_key")?,
            expires: parsed(row, "expires")?,
        },
        next_identity: match next_public_key {
            Some(public_key) => Some(Identity {
                public_key,
                expires: parsed(row, "next_expires")?,
            }),
            None => None,
        },
        clone_suspected: match row.try_get::<Option<String>, _>("clone_suspected")? {
            Some(_) => Some(parsed(row, "clone_suspected")?),
            None => None,
        },
        usage: std::collections::BTreeMap::new(),
    })
}

fn entitlement(row: &SqliteRow) -> Result<Entitlement, sqlx::Error> {
    let short_tag: String = row.try_get("entitlement")?;
    Entitlement::from_short_tag(&short_tag).ok_or_else(|| sqlx::Error::ColumnDecode {
        index: "entitlement".to_owned(),
        source: format!("there is no entitlement {short_tag:?}").into(),
    })
}

fn parsed<T>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error>
where
    T: FromStr,
    T::Err: std::error::Error,
{
    let text: String = row.try_get(column)?;
    text.parse().map_err(|error| wrong(column, &error))
}

fn wrong(column: &str, error: &dyn std::error::Error) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: error.to_string().into(),
    }
}
