//! The RPCs of `Cisco-IOS-XR-smart-license-act`: each is answered at once, its work goes on in the background.

use crate::app::licence_driver::Licensing;
use crate::licensing::agent::Command;
use crate::licensing::return_code::ReturnCode;
use crate::licensing::secret::Secret;
use crate::management::error::ManagementError;
use crate::management::request::Reply;
use crate::management::rpc_table::{Caller, RpcProvider};
use crate::yang::operation::Operation;
use crate::yang::state::StateBuilder;

/// Hands licence RPCs to the agent.
pub struct LicenceRpcs {
    /// The agent.
    pub licensing: Licensing,
}

/// Reservation comes later; until then its RPCs answer `notsupported`.
const RESERVATION: [&str; 5] = [
    "reservation-request",
    "reservation-return",
    "reservation-return-authorization",
    "reservation-install",
    "reservation-cancel",
];

impl RpcProvider for LicenceRpcs {
    fn operations(&self) -> Vec<String> {
        ["register-id-token", "renew-auth", "renew-id", "de-register"]
            .into_iter()
            .chain(RESERVATION)
            .map(|name| format!("Cisco-IOS-XR-smart-license-act:{name}"))
            .collect()
    }

    fn call(&self, caller: &Caller, operation: &Operation) -> Result<Reply, ManagementError> {
        let code = match command(operation) {
            Some(command) => self.licensing.order(command),
            None => ReturnCode::NotSupported,
        };
        tracing::info!(
            user = caller.user,
            rpc = operation.name(),
            code = code.yang_name(),
            "licence command"
        );
        let reply = operation.reply(|out| match operation.name() {
            "reservation-request"
            | "reservation-return"
            | "reservation-return-authorization"
            | "reservation-install" => out.container("reservation-codes", |out| respond(code, out)),
            _ => respond(code, out),
        })?;
        Ok(Reply::Output(reply))
    }
}

fn command(operation: &Operation) -> Option<Command> {
    match operation.name() {
        "register-id-token" => Some(Command::Register {
            token: Secret::new(operation.input().leaf("id-token").unwrap_or_default().to_owned()),
            force: operation.input().leaf("force") == Some("true"),
        }),
        "renew-auth" => Some(Command::RenewAuthorization),
        "renew-id" => Some(Command::RenewIdentity),
        "de-register" => Some(Command::Deregister),
        _ => None,
    }
}

fn respond(code: ReturnCode, out: &mut StateBuilder<'_>) {
    out.container("response", |out| {
        out.leaf("operation-status", code.operation_status());
        out.leaf("return-code", code.yang_name());
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::desired_state::payload::SCHEMA;
    use crate::app::licence_driver::still;
    use crate::app::state::licence::example;

    fn answer(document: &str) -> String {
        let operation = Operation::parse(&SCHEMA, document).unwrap();
        // Nobody listens, as at shutdown: orders are refused, and reservation needs nobody.
        let rpcs = LicenceRpcs {
            licensing: still::licensing(example::state()),
        };
        let name = format!("{}:{}", operation.module(), operation.name());
        assert!(rpcs.operations().contains(&name), "{name}");
        let caller = Caller {
            user: "admin".to_owned(),
            session_id: 1,
        };
        match rpcs.call(&caller, &operation).unwrap() {
            Reply::Output(output) => output,
            other => panic!("{other:?}"),
        }
    }

    fn element(name: &str, content: &str) -> String {
        format!(
            "<{name} xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-act\">{content}</{name}>"
        )
    }

    #[test]
    fn every_licence_command_is_answered_with_status_and_code() {
        let expected = element(
            "response",
            "<operation-status>failed</operation-status><return-code>notenabled</return-code>",
        );
        for (name, content) in [
            ("register-id-token", "<id-token>abc</id-token><force>true</force>"),
            ("renew-auth", ""),
            ("renew-id", ""),
            ("de-register", ""),
        ] {
            assert_eq!(answer(&element(name, content)), expected);
        }
    }

    #[test]
    fn reservation_is_not_supported_yet() {
        let response =
            "<response><operation-status>failed</operation-status><return-code>notsupported</return-code>
                        </response>";
        let response: String = response.split_whitespace().collect();
        for (name, content) in [
            ("reservation-request", "<request-type>local</request-type>"),
            ("reservation-return", "<request-type>all</request-type>"),
            ("reservation-return-authorization", "<auth-code>x</auth-code>"),
            (
                "reservation-install",
                "<authorization-code>x</authorization-code>",
            ),
        ] {
            assert_eq!(
                answer(&element(name, content)),
                element("reservation-codes", &response)
            );
        }
        let cancelled = answer(&element("reservation-cancel", ""));
        assert!(
            cancelled.contains("<return-code>notsupported</return-code>"),
            "{cancelled}"
        );
    }

    #[test]
    fn the_token_and_force_are_taken_from_the_request() {
        let operation = |content| Operation::parse(&SCHEMA, &element("register-id-token", content)).unwrap();
        let Some(Command::Register { token, force }) = command(&operation("<id-token>abc</id-token>")) else {
            panic!();
        };
        assert_eq!((token.reveal().as_str(), force), ("abc", false));
        let forced = command(&operation("<id-token>abc</id-token><force>true</force>"));
        assert!(matches!(forced, Some(Command::Register { force: true, .. })));
    }
}
