//! `ponder ssm`: runs the licence server, or carries a command to it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::app::clock::Clock;
use crate::app::command_line::{
    AccountCommand, InstanceCommand, LicenceCommand, ReservationCommand, ReservationWanted, SsmArguments,
    SsmCommand, TokenCommand,
};
use crate::app::output::say;
use crate::app::shutdown;
use crate::ssm::SsmError;
use crate::ssm::admin::Command;
use crate::ssm::control;
use crate::ssm::crl::DistributionPoint;
use crate::ssm::policy::Policy;
use crate::ssm::run::{SsmOptions, run};
use crate::ssm::service::Names;

const HTTPS_PORT: u16 = 8443;

/// Runs the server until it is told to end, its ready line on standard output; or carries out one command.
pub async fn run_or_command(arguments: SsmArguments, clock: Arc<dyn Clock>) -> Result<(), SsmCommandError> {
    let state_dir = arguments.state_dir.clone().ok_or(SsmCommandError::NoStateDir)?;
    let now = Arc::new(move || clock.now());
    match &arguments.command {
        Some(command) => {
            let output = control::execute(&state_dir, &server_command(command)?, now).await?;
            say(output).map_err(SsmCommandError::Output)
        }
        None => {
            let shutdown = shutdown::requested().map_err(SsmCommandError::Signals)?;
            let running = run(options(&arguments, &state_dir), now, shutdown).await?;
            match running.https {
                Some(https) => say(format_args!("ready http={} https={https}", running.http)),
                None => say(format_args!("ready http={}", running.http)),
            }
            .map_err(SsmCommandError::Output)?;
            Ok(running.finished().await?)
        }
    }
}

/// Why `ponder ssm` ends with an error, in one line.
#[derive(Debug, thiserror::Error)]
pub enum SsmCommandError {
    /// The flag is missing.
    #[error("no state folder: give --state-dir DIR")]
    NoStateDir,
    /// Signals cannot be waited for.
    #[error("waiting for signals: {0}")]
    Signals(std::io::Error),
    /// What it has to say cannot be written.
    #[error("standard output: {0}")]
    Output(std::io::Error),
    /// A count that is none.
    #[error("--licence {tag} {count}: the count must be a whole number")]
    Count {
        /// Of what.
        tag: String,
        /// What was given.
        count: String,
    },
    /// The server or the command.
    #[error(transparent)]
    Ssm(#[from] SsmError),
}

fn options(arguments: &SsmArguments, state_dir: &Path) -> SsmOptions {
    let beside = || {
        let port = if arguments.listen.port() == 0 {
            0
        } else {
            HTTPS_PORT
        };
        SocketAddr::new(arguments.listen.ip(), port)
    };
    SsmOptions {
        state_dir: state_dir.to_owned(),
        listen: arguments.listen,
        https_listen: Some(arguments.https_listen.unwrap_or_else(beside)),
        names: Names {
            smart_account: arguments.smart_account.clone(),
            ..Names::default()
        },
        host_names: arguments.host_name.iter().cloned().collect(),
        policy: Policy {
            renew_interval: arguments.renewal_interval,
            next_contact: arguments.authorization_interval,
            next_contact_out_of_compliance: arguments
                .out_of_compliance_interval
                .unwrap_or(arguments.authorization_interval),
            authorization_life: arguments.authorization_life,
            ..Policy::default()
        },
        distribution_point: match (&arguments.crl_url, arguments.no_crl) {
            (Some(url), _) => DistributionPoint::At(url.clone()),
            (None, true) => DistributionPoint::Absent,
            (None, false) => DistributionPoint::Own,
        },
    }
}

fn server_command(command: &SsmCommand) -> Result<Command, SsmCommandError> {
    Ok(match command.clone() {
        SsmCommand::Token(TokenCommand::Create {
            days,
            description,
            virtual_account,
            export_controlled,
        }) => Command::TokenCreate {
            virtual_account,
            description,
            days,
            export_control_allowed: export_controlled,
        },
        SsmCommand::Token(TokenCommand::List { reveal }) => Command::TokenList { reveal },
        SsmCommand::Token(TokenCommand::Revoke { id }) => Command::TokenRevoke { id },
        SsmCommand::Licence(LicenceCommand::Add {
            entitlement,
            quantity,
            virtual_account,
        }) => Command::LicenceAdd {
            virtual_account,
            entitlement,
            quantity,
        },
        SsmCommand::Licence(LicenceCommand::List) => Command::LicenceList,
        SsmCommand::Instance(InstanceCommand::List) => Command::InstanceList,
        SsmCommand::Instance(InstanceCommand::Remove { name }) => Command::InstanceRemove { name },
        SsmCommand::Account(AccountCommand::Add { name }) => Command::AccountAdd { name },
        SsmCommand::Account(AccountCommand::Default { name }) => Command::AccountDefault { name },
        SsmCommand::Account(AccountCommand::List) => Command::AccountList,
        SsmCommand::Reservation(command) => reservation_command(command)?,
    })
}

fn reservation_command(command: ReservationCommand) -> Result<Command, SsmCommandError> {
    Ok(match command {
        ReservationCommand::Reserve {
            request_code,
            wanted,
            virtual_account,
            export_controlled,
        } => Command::ReservationReserve {
            request_code,
            licences: licences(&wanted)?,
            days: wanted.days,
            virtual_account,
            export_control_allowed: export_controlled,
        },
        ReservationCommand::Update { device, wanted } => Command::ReservationUpdate {
            device,
            licences: licences(&wanted)?,
            days: wanted.days,
        },
        ReservationCommand::Code { device } => Command::ReservationCode { device },
        ReservationCommand::Confirm { code } => Command::ReservationConfirm { code },
        ReservationCommand::Return { code } => Command::ReservationReturn { code },
        ReservationCommand::Remove { device } => Command::ReservationRemove { device },
        ReservationCommand::List => Command::ReservationList,
    })
}

fn licences(wanted: &ReservationWanted) -> Result<Vec<(String, u32)>, SsmCommandError> {
    let (pairs, _) = wanted.licences.as_chunks::<2>();
    let pair = |[tag, count]: &[String; 2]| match count.parse() {
        Ok(count) => Ok((tag.clone(), count)),
        Err(_) => Err(SsmCommandError::Count {
            tag: tag.clone(),
            count: count.clone(),
        }),
    };
    pairs.iter().map(pair).collect()
}
