//! The payload of a licensing message as JSON, and the limits of its fields.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::licensing::message::envelope::{malformed, parse_part};
use crate::licensing::message::{
    Answer, AnswerBody, Kind, MAX_TOKEN_CHARACTERS, MessageError, Outcome, Refusal, RefusalCode,
    RefusalStatus, Request, RequestBody, Udi, VERSION,
};

impl Request {
    pub(super) fn to_payload(&self) -> Result<String, MessageError> {
        self.check()?;
        let payload = RequestPayload::try_from(self).and_then(|payload| serde_json::to_string(&payload));
        payload.map_err(|error| malformed("payload", &error))
    }

    pub(super) fn from_payload(payload: &str) -> Result<Request, MessageError> {
        let wire: RequestPayload = parse_part("payload", payload.as_bytes())?;
        if wire.version != VERSION {
            return Err(MessageError::Version {
                found: wire.version.into(),
            });
        }
        let body = match wire.kind {
            Kind::Register => RequestBody::Register(parse_body(wire.body)?),
            Kind::RenewId => RequestBody::RenewId(parse_body(wire.body)?),
            Kind::Authorize => RequestBody::Authorize(parse_body(wire.body)?),
            Kind::Deregister => {
                let Empty {} = parse_body(wire.body)?;
                RequestBody::Deregister
            }
        };
        let request = Request {
            request_id: wire.request_id,
            nonce: wire.nonce,
            timestamp: wire.timestamp,
            sequence: wire.sequence,
            product_instance_id: wire.product_instance_id,
            udi: wire.udi,
            software_tag: wire.software_tag,
            hostname: wire.hostname,
            agent_version: wire.agent_version,
            body,
        };
        request.check()?;
        Ok(request)
    }

    fn check(&self) -> Result<(), MessageError> {
        let length = |field, text: &str, range: std::ops::RangeInclusive<usize>, rule| {
            let count = text.chars().count();
            if range.contains(&count) && !text.chars().any(char::is_control) {
                Ok(())
            } else {
                Err(MessageError::Field { field, rule })
            }
        };
        const SHORT: &str = "must have 1 to 64 characters, none of them a control character";
        const LONG: &str = "must have 1 to 255 characters, none of them a control character";
        length("request_id", &self.request_id, 1..=64, SHORT)?;
        length("nonce", &self.nonce, 16..=64, "must have 16 to 64 characters")?;
        length("udi.pid", &self.udi.pid, 1..=64, SHORT)?;
        length("udi.sn", &self.udi.serial_number, 1..=64, SHORT)?;
        length("udi.uuid", &self.udi.uuid, 1..=64, SHORT)?;
        length("software_tag", &self.software_tag, 1..=255, LONG)?;
        for (field, text) in [
            ("product_instance_id", &self.product_instance_id),
            ("hostname", &self.hostname),
            ("agent_version", &self.agent_version),
        ] {
            if let Some(text) = text {
                length(field, text, 1..=255, LONG)?;
            }
        }
        if i64::try_from(self.sequence).is_err() {
            return Err(MessageError::Field {
                field: "sequence",
                rule: "must be below 2 to the power of 63",
            });
        }
        if self.product_instance_id.is_some() == (self.body.kind() == Kind::Register) {
            return Err(MessageError::Field {
                field: "product_instance_id",
                rule: "must be given in every request except register",
            });
        }
        if let RequestBody::Register(register) = &self.body {
            length(
                "id_token",
                register.id_token.reveal(),
                1..=MAX_TOKEN_CHARACTERS,
                LONG,
            )?;
        }
        if let RequestBody::Authorize(authorize) = &self.body {
            let mut seen = std::collections::BTreeSet::new();
            for entitlement in &authorize.entitlements {
                length("entitlements.tag", &entitlement.tag, 1..=255, LONG)?;
                if !seen.insert(&entitlement.tag) {
                    return Err(MessageError::Field {
                        field: "entitlements.tag",
                        rule: "must not come twice",
                    });
                }
            }
        }
        Ok(())
    }
}

impl Answer {
    pub(super) fn to_payload(&self) -> Result<String, MessageError> {
        let payload = AnswerPayload::try_from(self).and_then(|payload| serde_json::to_string(&payload));
        payload.map_err(|error| malformed("payload", &error))
    }

    pub(super) fn from_payload(payload: &str) -> Result<Answer, MessageError> {
        let wire: AnswerPayload = parse_part("payload", payload.as_bytes())?;
        let refused = |status| {
            let code = wire.code.ok_or(MessageError::Field {
                field: "code",
                rule: "must be given when the status is not OK",
            })?;
            Ok::<_, MessageError>(Outcome::Refused(Refusal {
                status,
                code,
                message: wire.message.clone(),
            }))
        };
        let outcome = match wire.status {
            Status::Ok => Outcome::Done(match wire.kind {
                Some(Kind::Register) => AnswerBody::Register(parse_body(wire.body)?),
                Some(Kind::RenewId) => AnswerBody::RenewId(parse_body(wire.body)?),
                Some(Kind::Authorize) => AnswerBody::Authorize(parse_body(wire.body)?),
                Some(Kind::Deregister) => {
                    let Empty {} = parse_body(wire.body)?;
                    AnswerBody::Deregister
                }
                None => {
                    return Err(MessageError::Field {
                        field: "kind",
                        rule: "must be given when the status is OK",
                    });
                }
            }),
            Status::Failed => refused(RefusalStatus::Failed)?,
            Status::TryAgain => refused(RefusalStatus::TryAgain)?,
            Status::VersionTooHigh => refused(RefusalStatus::VersionTooHigh)?,
        };
        Ok(Answer {
            request_id: wire.request_id,
            nonce: wire.nonce,
            server_time: wire.server_time,
            outcome,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestPayload {
    version: u32,
    kind: Kind,
    request_id: String,
    nonce: String,
    timestamp: Timestamp,
    sequence: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product_instance_id: Option<String>,
    udi: Udi,
    software_tag: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent_version: Option<String>,
    body: serde_json::Value,
}

impl TryFrom<&Request> for RequestPayload {
    type Error = serde_json::Error;

    fn try_from(request: &Request) -> Result<RequestPayload, serde_json::Error> {
        Ok(RequestPayload {
            version: VERSION,
            kind: request.body.kind(),
            request_id: request.request_id.clone(),
            nonce: request.nonce.clone(),
            timestamp: request.timestamp,
            sequence: request.sequence,
            product_instance_id: request.product_instance_id.clone(),
            udi: request.udi.clone(),
            software_tag: request.software_tag.clone(),
            hostname: request.hostname.clone(),
            agent_version: request.agent_version.clone(),
            body: match &request.body {
                RequestBody::Register(body) => serde_json::to_value(body)?,
                RequestBody::RenewId(body) => serde_json::to_value(body)?,
                RequestBody::Authorize(body) => serde_json::to_value(body)?,
                RequestBody::Deregister => serde_json::to_value(Empty {})?,
            },
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerPayload {
    version: u32,
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<RefusalCode>,
    message: String,
    request_id: String,
    nonce: String,
    server_time: Timestamp,
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    body: serde_json::Value,
}

impl TryFrom<&Answer> for AnswerPayload {
    type Error = serde_json::Error;

    fn try_from(answer: &Answer) -> Result<AnswerPayload, serde_json::Error> {
        let (status, kind, code, message, body) = match &answer.outcome {
            Outcome::Done(done) => {
                let body = match done {
                    AnswerBody::Register(grant) | AnswerBody::RenewId(grant) => serde_json::to_value(grant)?,
                    AnswerBody::Authorize(grant) => serde_json::to_value(grant)?,
                    AnswerBody::Deregister => serde_json::to_value(Empty {})?,
                };
                (Status::Ok, Some(done.kind()), None, String::new(), body)
            }
            Outcome::Refused(refusal) => {
                let status = match refusal.status {
                    RefusalStatus::Failed => Status::Failed,
                    RefusalStatus::TryAgain => Status::TryAgain,
                    RefusalStatus::VersionTooHigh => Status::VersionTooHigh,
                };
                let message = refusal.message.clone();
                (status, None, Some(refusal.code), message, serde_json::Value::Null)
            }
        };
        Ok(AnswerPayload {
            version: VERSION,
            status,
            kind,
            code,
            message,
            request_id: answer.request_id.clone(),
            nonce: answer.nonce.clone(),
            server_time: answer.server_time,
            body,
        })
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Ok,
    Failed,
    TryAgain,
    VersionTooHigh,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

fn parse_body<T: DeserializeOwned>(body: serde_json::Value) -> Result<T, MessageError> {
    serde_json::from_value(body).map_err(|error| malformed("body", &error))
}
