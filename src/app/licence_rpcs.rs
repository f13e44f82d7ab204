//! The RPCs of `Cisco-IOS-XR-smart-license-act`: each is answered at once, its work goes on in the background.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::app::licence_driver::Licensing;
use crate::licensing::agent::{Command, ReservationAnswer, ReservationCommand};
use crate::licensing::message::reservation::{Coverage, MAX_CODE_BYTES};
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
    /// The folder that `disk0:` names.
    pub disk0: PathBuf,
}

/// The RPCs that answer with `reservation-codes`, and the one that answers as the others do.
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
        let answer = match ordered(operation, &self.disk0) {
            Some(Ordered::Plain(command)) => Answer::Plain(self.licensing.order(command)),
            Some(Ordered::Reservation(Ok(command))) => {
                Answer::Reservation(self.licensing.order_reservation(command))
            }
            Some(Ordered::Reservation(Err(reason))) => {
                Answer::Reservation(ReservationAnswer::refused(ReturnCode::NullPointer, &reason))
            }
            None => Answer::Plain(ReturnCode::NotSupported),
        };
        let code = answer.code();
        tracing::info!(
            user = caller.user,
            rpc = operation.name(),
            code = code.yang_name(),
            "licence command"
        );
        let reply = operation.reply(|out| match &answer {
            Answer::Reservation(answer) if operation.name() != "reservation-cancel" => {
                out.container("reservation-codes", |out| self.respond_with_codes(answer, out));
            }
            Answer::Plain(_) | Answer::Reservation(_) => respond(code, out),
        })?;
        Ok(Reply::Output(reply))
    }
}

impl LicenceRpcs {
    fn respond_with_codes(&self, answer: &ReservationAnswer, out: &mut StateBuilder<'_>) {
        respond(answer.code, out);
        out.leaf("display-string", &answer.display);
        let state = self.licensing.state();
        out.container("udi", |out| {
            out.leaf("pid", &state.udi.pid);
            out.leaf("sn", &state.udi.serial_number);
            out.leaf("vid", &state.vid);
            out.leaf("uuid", &state.udi.uuid);
        });
        out.leaf_option("request-code", answer.request_code.as_deref());
        out.leaf_option("confirmation-code", answer.confirmation_code.as_deref());
        out.leaf_option("reservation-return-code", answer.return_code.as_deref());
    }
}

enum Answer {
    Plain(ReturnCode),
    Reservation(ReservationAnswer),
}

impl Answer {
    fn code(&self) -> ReturnCode {
        match self {
            Answer::Plain(code) => *code,
            Answer::Reservation(answer) => answer.code,
        }
    }
}

/// What an RPC orders.
enum Ordered {
    Plain(Command),
    /// Or why the order cannot be read, in words.
    Reservation(Result<ReservationCommand, String>),
}

fn ordered(operation: &Operation, disk0: &Path) -> Option<Ordered> {
    let input = operation.input();
    let coverage = || match input.leaf("request-type") {
        Some("universal") => Coverage::Universal,
        // The chassis is alone, so local and all are the same.
        _ => Coverage::Specific,
    };
    let code = |leaf: &str| match input.leaf(leaf) {
        Some(code) => Ok(code.to_owned()),
        None => {
            let path = input.descendant("file/file-path");
            match path.and_then(|path| path.value()) {
                Some(path) => authorization_file(path, disk0),
                None => Err(format!("neither {leaf} nor file-path was given")),
            }
        }
    };
    let reservation = match operation.name() {
        "register-id-token" => {
            return Some(Ordered::Plain(Command::Register {
                token: Secret::new(input.leaf("id-token").unwrap_or_default().to_owned()),
                force: input.leaf("force") == Some("true"),
            }));
        }
        "renew-auth" => return Some(Ordered::Plain(Command::RenewAuthorization)),
        "renew-id" => return Some(Ordered::Plain(Command::RenewIdentity)),
        "de-register" => return Some(Ordered::Plain(Command::Deregister)),
        "reservation-request" => Ok(ReservationCommand::Request(coverage())),
        "reservation-install" => code("authorization-code").map(|code| ReservationCommand::Install { code }),
        "reservation-return" => Ok(ReservationCommand::Return),
        "reservation-cancel" => Ok(ReservationCommand::Cancel),
        "reservation-return-authorization" => {
            code("auth-code").map(|code| ReservationCommand::ReturnAuthorization { code })
        }
        _ => return None,
    };
    Some(Ordered::Reservation(reservation))
}

/// Reads a file with an authorization code. `disk0:NAME`, with or without slashes around the colon, names a file of the
/// agent's own folder; other paths are those of the machine. The error tells nothing of what is in the file.
fn authorization_file(path: &str, disk0: &Path) -> Result<String, String> {
    let named = path.trim_start_matches('/').strip_prefix("disk0:");
    let file = match named.map(|name| name.trim_start_matches('/')) {
        Some(name) if name.split('/').any(|part| part == "..") => {
            return Err(format!("file-path {path:?} leaves disk0:"));
        }
        Some(name) => disk0.join(name),
        None => PathBuf::from(path),
    };
    let unreadable = |cause: &dyn std::fmt::Display| format!("file-path {path:?} cannot be read: {cause}");
    let opened = File::open(&file).map_err(|cause| unreadable(&cause))?;
    let regular = opened.metadata().is_ok_and(|metadata| metadata.is_file());
    if !regular {
        return Err(unreadable(&"it is no regular file"));
    }
    let limit = u64::try_from(MAX_CODE_BYTES).unwrap_or(u64::MAX);
    let mut code = String::new();
    let read = opened.take(limit.saturating_add(1)).read_to_string(&mut code);
    read.map_err(|_| unreadable(&"it is not text"))?;
    Ok(code)
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
        // Nobody listens, as at shutdown: orders are refused.
        let rpcs = LicenceRpcs {
            licensing: still::licensing(example::state()),
            disk0: PathBuf::from("."),
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
    fn commands_about_reservations_are_answered_with_codes_and_in_words() {
        for (name, content) in [
            ("reservation-request", "<request-type>local</request-type>"),
            ("reservation-return", "<request-type>all</request-type>"),
            ("reservation-return-authorization", "<auth-code>x</auth-code>"),
            (
                "reservation-install",
                "<authorization-code>x</authorization-code>",
            ),
        ] {
            let answer = answer(&element(name, content));
            for part in [
                "<reservation-codes",
                "<operation-status>failed</operation-status><return-code>notenabled</return-code>",
                "<display-string>licensing has ended</display-string>",
                "<udi><pid>NCS1004</pid><sn>CAT2249B009</sn><vid>V01</vid><uuid>default-sdr</uuid></udi>",
            ] {
                assert!(answer.contains(part), "{part}: {answer}");
            }
        }
        let cancelled = answer(&element("reservation-cancel", ""));
        assert_eq!(
            cancelled,
            element(
                "response",
                "<operation-status>failed</operation-status><return-code>notenabled</return-code>"
            )
        );
    }

    fn operation(name: &str, content: &str) -> Operation {
        Operation::parse(&SCHEMA, &element(name, content)).unwrap()
    }

    #[test]
    fn an_authorization_code_comes_as_text_or_from_a_file_that_is_named_when_it_cannot_be_read() {
        let disk0 = tempfile::tempdir().unwrap();
        std::fs::write(disk0.path().join("code.txt"), "AC1-x\n").unwrap();
        let installed =
            |content: &str| match ordered(&operation("reservation-install", content), disk0.path()) {
                Some(Ordered::Reservation(Ok(ReservationCommand::Install { code }))) => Ok(code),
                Some(Ordered::Reservation(Err(reason))) => Err(reason),
                _ => panic!("{content}"),
            };
        let file = |path: &str| installed(&format!("<file><file-path>{path}</file-path></file>"));
        assert_eq!(
            installed("<authorization-code>AC1-y</authorization-code>"),
            Ok("AC1-y".to_owned())
        );
        for path in ["disk0:code.txt", "disk0:/code.txt", "/disk0:/code.txt"] {
            assert_eq!(file(path), Ok("AC1-x\n".to_owned()), "{path}");
        }
        let absolute = disk0.path().join("code.txt");
        assert_eq!(file(&absolute.to_string_lossy()), Ok("AC1-x\n".to_owned()));
        assert!(file("disk0:other.txt").unwrap_err().contains("No such file"));
        assert!(file("disk0:../code.txt").unwrap_err().contains("leaves disk0:"));
        assert!(file("/").unwrap_err().contains("no regular file"));
        assert!(
            installed("")
                .unwrap_err()
                .contains("neither authorization-code nor file-path")
        );
    }

    #[test]
    fn the_type_of_a_request_says_whether_everything_is_to_be_reserved() {
        for (content, coverage) in [
            ("", Coverage::Specific),
            ("<request-type>local</request-type>", Coverage::Specific),
            ("<request-type>all</request-type>", Coverage::Specific),
            ("<request-type>universal</request-type>", Coverage::Universal),
        ] {
            let wanted = ordered(&operation("reservation-request", content), Path::new("."));
            let Some(Ordered::Reservation(Ok(ReservationCommand::Request(found)))) = wanted else {
                panic!("{content}");
            };
            assert_eq!(found, coverage, "{content}");
        }
    }

    #[test]
    fn the_token_and_force_are_taken_from_the_request() {
        let registration = |content| ordered(&operation("register-id-token", content), Path::new("."));
        let Some(Ordered::Plain(Command::Register { token, force })) =
            registration("<id-token>abc</id-token>")
        else {
            panic!();
        };
        assert_eq!((token.reveal().as_str(), force), ("abc", false));
        let forced = registration("<id-token>abc</id-token><force>true</force>");
        assert!(matches!(
            forced,
            Some(Ordered::Plain(Command::Register { force: true, .. }))
        ));
    }
}
