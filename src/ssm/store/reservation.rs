//! Reservations in the database: one row each, their revisions as JSON.

use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::ssm::account::{Account, Change, VirtualAccountId};
use crate::ssm::reservation::Reservation;
use crate::ssm::store::{parsed, wrong};

pub(super) async fn write(
    connection: &mut SqliteConnection,
    reservation: &Reservation,
) -> Result<(), sqlx::Error> {
    let json = |encoded: Result<String, serde_json::Error>| {
        encoded.map_err(|error| sqlx::Error::Encode(error.to_string().into()))
    };
    sqlx::query(
        "INSERT OR REPLACE INTO reservation (request, pid, serial_number, coverage, virtual_account,
             export_control_allowed, created, link, confirmed, revisions, held, held_until)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&reservation.request)
    .bind(&reservation.pid)
    .bind(&reservation.serial_number)
    .bind(json(serde_json::to_string(&reservation.coverage))?)
    .bind(reservation.virtual_account.0)
    .bind(reservation.export_control_allowed)
    .bind(reservation.created.to_string())
    .bind(&reservation.link)
    .bind(reservation.confirmed)
    .bind(json(serde_json::to_string(&reservation.revisions))?)
    .bind(json(serde_json::to_string(&reservation.held))?)
    .bind(reservation.held_until.map(|end| end.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn load(
    connection: &mut SqliteConnection,
    account: &mut Account,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM reservation ORDER BY request");
    for row in rows.fetch_all(&mut *connection).await? {
        account.apply(Change::Reservation(Box::new(Reservation {
            request: row.try_get("request")?,
            pid: row.try_get("pid")?,
            serial_number: row.try_get("serial_number")?,
            coverage: from_json(&row, "coverage")?,
            virtual_account: VirtualAccountId(row.try_get("virtual_account")?),
            export_control_allowed: row.try_get("export_control_allowed")?,
            created: parsed(&row, "created")?,
            link: row.try_get("link")?,
            confirmed: row.try_get("confirmed")?,
            revisions: from_json(&row, "revisions")?,
            held: from_json(&row, "held")?,
            held_until: match row.try_get::<Option<String>, _>("held_until")? {
                Some(_) => Some(parsed(&row, "held_until")?),
                None => None,
            },
        })));
    }
    Ok(())
}

fn from_json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|error| wrong(column, &error))
}
