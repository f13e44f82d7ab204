//! The command line of `ponder`: every subcommand and flag, with the words that `--help` shows.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use jiff::SignedDuration;

use crate::app::settings::policy::period_of;

/// An open NETCONF/YANG management agent for optical transponders with Smart Licensing, and its licence server.
#[derive(Debug, Parser)]
#[command(name = "ponder", version, arg_required_else_help = true, max_term_width = 100)]
pub struct CommandLine {
    /// What to log on standard error: error, warn, info, debug, trace, or a filter such as `info,ponder::licensing=debug`
    #[arg(long, global = true, default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the NETCONF agent on a simulated NCS 1004
    Agent(AgentArguments),
    /// Run the on-premises licence server, or talk to a running one
    Ssm(SsmArguments),
    /// Look at the commits of a stopped agent's state folder, verify, export or repair them
    Journal(JournalArguments),
    /// Ask a running agent why it counts the licences that it counts: port, setting, rule and chapter section of each
    Explain(ExplainArguments),
    /// Play the main job end to end on loopback: agent, licence server and a NETCONF client
    Demo(DemoArguments),
    /// Print a commented settings file for `ponder agent --settings`
    Settings,
    /// Print a commented description of the default chassis for `ponder agent --chassis`
    Chassis,
    /// Read a password from standard input and print its hash for the settings file
    HashPassword,
}

/// Flags of `ponder agent`.
#[derive(Clone, Debug, Default, Args)]
pub struct AgentArguments {
    /// Folder for the running configuration, the host key and the licensing trust record; made when missing
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Address and port of NETCONF over SSH; port 0 takes a free one [default: 0.0.0.0:830]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// A user who may log in with the keys of --authorized-keys; more users go into the settings file
    #[arg(long, value_name = "NAME", requires = "authorized_keys")]
    pub user: Option<String>,
    /// That user's public keys, in the format of OpenSSH's authorized_keys
    #[arg(long, value_name = "FILE", requires = "user")]
    pub authorized_keys: Option<PathBuf>,
    /// Description of the simulated chassis (TOML; `ponder chassis` prints one), its `seed` too: the same seed gives the
    /// same serial numbers, and a licence server tells devices apart by them [default: 1.2T-L, OTN-XPL, QXP-L, 1.2T-L]
    #[arg(long, value_name = "FILE")]
    pub chassis: Option<PathBuf>,
    /// Folder of further YANG modules: served and stored, without effect on the device
    #[arg(long, value_name = "DIR")]
    pub yang_dir: Option<PathBuf>,
    /// Validate each commit both ways, around its changes and whole, and refuse it where they differ
    #[arg(long)]
    pub paranoid: bool,
    /// Settings file (TOML; `ponder settings` prints one); flags override it
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Certificate of the licensing root; `ponder ssm` writes it to its state folder as licensing-root.pem
    #[arg(long, value_name = "FILE")]
    pub licensing_root: Option<PathBuf>,
    /// CA certificates for an https destination of the licence server; `ponder ssm` writes tls-ca.pem
    #[arg(long, value_name = "FILE")]
    pub licensing_ca: Option<PathBuf>,
    /// Print which configuration nodes nobody acts on and which state leaves nobody fills, and exit
    #[arg(long)]
    pub coverage: bool,
}

/// Flags of `ponder ssm`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = false)]
pub struct SsmArguments {
    /// Folder for the database, the certificate authority and the control socket; made when missing
    #[arg(long, value_name = "DIR", global = true, required = false)]
    pub state_dir: Option<PathBuf>,
    /// Address and port for HTTP; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Address and port for HTTPS [default: the address of --listen with port 8443, or a free port when that has 0]
    #[arg(long, value_name = "ADDR:PORT")]
    pub https_listen: Option<SocketAddr>,
    /// Name of the smart account, taken at the first start
    #[arg(long, value_name = "NAME", default_value = "Ponder Lab")]
    pub smart_account: String,
    /// Further host name for the HTTPS certificate, beside localhost and the address of --https-listen
    #[arg(long, value_name = "NAME")]
    pub host_name: Option<String>,
    /// Leave the CRL distribution point out of the HTTPS certificate; devices then need `crl optional`
    #[arg(long)]
    pub no_crl: bool,
    /// Name another place as the CRL distribution point than this server's own HTTP port
    #[arg(long, value_name = "URL", conflicts_with = "no_crl")]
    pub crl_url: Option<String>,
    /// When devices renew their identity certificate of 365 days
    #[arg(long, value_name = "PERIOD", default_value = "180d", value_parser = period_of)]
    pub renewal_interval: SignedDuration,
    /// When devices ask for authorization again
    #[arg(long, value_name = "PERIOD", default_value = "30d", value_parser = period_of)]
    pub authorization_interval: SignedDuration,
    /// The same while a device is out of compliance [default: --authorization-interval]
    #[arg(long, value_name = "PERIOD", value_parser = period_of)]
    pub out_of_compliance_interval: Option<SignedDuration>,
    /// How long an authorization holds when nothing is heard
    #[arg(long, value_name = "PERIOD", default_value = "90d", value_parser = period_of)]
    pub authorization_life: SignedDuration,
    /// A command for the server of --state-dir, running or not
    #[command(subcommand)]
    pub command: Option<SsmCommand>,
}

/// Commands for a licence server.
#[derive(Clone, Debug, Subcommand)]
pub enum SsmCommand {
    /// Registration tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Licences in the pools
    #[command(subcommand, alias = "license")]
    Licence(LicenceCommand),
    /// Registered devices
    #[command(subcommand)]
    Instance(InstanceCommand),
    /// Virtual accounts
    #[command(subcommand)]
    Account(AccountCommand),
    /// Licences reserved by codes for devices that do not talk to the server
    #[command(subcommand)]
    Reservation(ReservationCommand),
}

/// `ponder ssm reservation`
#[derive(Clone, Debug, Subcommand)]
pub enum ReservationCommand {
    /// Set licences aside for the device of a request code and print its authorization code
    Reserve {
        /// As the device printed it, such as CB-ZNCS1004:CAT2231B000-yy8jJcUjz3Zfzt-86; CE- covers everything
        request_code: String,
        /// What to reserve
        #[command(flatten)]
        wanted: ReservationWanted,
        /// Virtual account of the licences [default: the default account]
        #[arg(long, value_name = "NAME")]
        virtual_account: Option<String>,
        /// The device may use export-controlled functions
        #[arg(long)]
        export_controlled: bool,
    },
    /// Print a further authorization code for a device; once installed it takes the place of the one before
    Update {
        /// Its serial number
        device: String,
        /// What to reserve
        #[command(flatten)]
        wanted: ReservationWanted,
    },
    /// Print the latest authorization code of a device again
    Code {
        /// Its serial number
        device: String,
    },
    /// Take the confirmation code that the device printed when it installed an authorization code
    Confirm {
        /// 20 hexadecimal digits
        code: String,
    },
    /// Take the return code that the device printed when it let go of its reservation
    Return {
        /// Groups of six characters
        code: String,
    },
    /// End a reservation without the device, which may go on using what it has
    Remove {
        /// Its serial number
        device: String,
    },
    /// List the reservations
    List,
}

/// What is to be reserved, and for how long.
#[derive(Clone, Debug, Args)]
pub struct ReservationWanted {
    /// Entitlement and count, such as --licence S-NCS1K4-LIC-100G= 8; may be given several times
    #[arg(long = "licence", alias = "license", num_args = 2, value_names = ["TAG", "COUNT"])]
    pub licences: Vec<String>,
    /// Days from today [default: for ever]
    #[arg(long, value_name = "DAYS")]
    pub days: Option<u32>,
}

/// `ponder ssm token`
#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it
    Create {
        /// Days until it expires, 1 to 365
        #[arg(long, default_value_t = 30, value_name = "DAYS")]
        days: u32,
        /// What it is for
        #[arg(long, default_value = "", value_name = "TEXT")]
        description: String,
        /// Virtual account that devices register into [default: the default account]
        #[arg(long, value_name = "NAME")]
        virtual_account: Option<String>,
        /// Devices may use export-controlled functions
        #[arg(long)]
        export_controlled: bool,
    },
    /// List the tokens, each with its number
    List {
        /// Show the tokens in full, not only their beginnings
        #[arg(long)]
        reveal: bool,
    },
    /// Withdraw a token; devices registered with it stay registered
    Revoke {
        /// Its number in the list
        id: u32,
    },
}

/// `ponder ssm licence`
#[derive(Clone, Debug, Subcommand)]
pub enum LicenceCommand {
    /// Add licences to a pool
    Add {
        /// Entitlement, such as S-NCS1K4-LIC-100G=
        entitlement: String,
        /// How many; below zero takes some away
        #[arg(allow_negative_numbers = true)]
        quantity: i64,
        /// Virtual account of the pool [default: the default account]
        #[arg(long, value_name = "NAME")]
        virtual_account: Option<String>,
    },
    /// List the pools: purchased, in use, balance
    List,
}

/// `ponder ssm instance`
#[derive(Clone, Debug, Subcommand)]
pub enum InstanceCommand {
    /// List the registered devices
    List,
    /// Remove a device; its licences are free at once
    Remove {
        /// Its serial number, or its name at the server
        name: String,
    },
}

/// `ponder ssm account`
#[derive(Clone, Debug, Subcommand)]
pub enum AccountCommand {
    /// Add a virtual account
    Add {
        /// Its name
        name: String,
    },
    /// Make a virtual account the default one
    Default {
        /// Its name
        name: String,
    },
    /// List the virtual accounts
    List,
}

/// Flags of `ponder journal`.
#[derive(Clone, Debug, Args)]
pub struct JournalArguments {
    /// State folder of the agent, which must not be running
    #[arg(long, value_name = "DIR", global = true, required = false)]
    pub state_dir: Option<PathBuf>,
    /// Folder of further YANG modules, as the agent was given it
    #[arg(long, value_name = "DIR", global = true)]
    pub yang_dir: Option<PathBuf>,
    /// What to do with it
    #[command(subcommand)]
    pub command: JournalCommand,
}

/// Commands for a journal.
#[derive(Clone, Debug, Subcommand)]
pub enum JournalCommand {
    /// List the commits, one a line, oldest first: generation, time, user, session, changes, label, comment
    List,
    /// Show what a commit changed
    Show {
        /// Generation that the commit made, as the list has it
        generation: u64,
    },
    /// Read every file and every record, and say what is wrong; exit status 0 only if the agent would start
    Verify,
    /// Print a whole configuration as XML
    Export {
        /// Generation, back to the oldest commit of the list [default: running]
        generation: Option<u64>,
    },
    /// Cut the journal where damage begins, keeping a copy of every file that is changed
    Repair,
}

/// Flags of `ponder explain`. The password is asked for, or read from --password-file or PONDER_PASSWORD.
#[derive(Clone, Debug, Args)]
pub struct ExplainArguments {
    /// The agent's host name or address, with its port when it is not 830
    #[arg(value_name = "HOST[:PORT]")]
    pub agent: String,
    /// User to log in as
    #[arg(long, value_name = "NAME")]
    pub user: String,
    /// Private key (OpenSSH format) to log in with, in place of a password
    #[arg(long, value_name = "FILE", conflicts_with = "password_file")]
    pub key: Option<PathBuf>,
    /// File whose first line is the password [default: environment PONDER_PASSWORD, else it is asked for]
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Fingerprint that the agent's host key must have
    #[arg(long, value_name = "SHA256:…", conflicts_with_all = ["known_hosts", "any_host_key"])]
    pub host_key: Option<String>,
    /// File of known host keys [default: ~/.ssh/known_hosts]
    #[arg(long, value_name = "FILE", conflicts_with = "any_host_key")]
    pub known_hosts: Option<PathBuf>,
    /// Take any host key, as on loopback
    #[arg(long)]
    pub any_host_key: bool,
    /// One entitlement alone, such as S-NCS1K4-LIC-100G=
    #[arg(long, value_name = "TAG")]
    pub entitlement: Option<String>,
    /// One slot alone, such as 0/1
    #[arg(long, value_name = "RACK/SLOT")]
    pub location: Option<String>,
    /// Print JSON in place of the table
    #[arg(long)]
    pub json: bool,
}

/// Flags of `ponder demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArguments {
    /// End after the last step; exit status 0 only if every step held
    #[arg(long)]
    pub once: bool,
    /// Port of NETCONF over SSH on loopback; 0 takes a free one
    #[arg(long, default_value_t = 8830, value_name = "PORT")]
    pub netconf_port: u16,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn server_commands_take_the_state_folder_before_or_after() {
        for line in [
            "ponder ssm --state-dir x token list",
            "ponder ssm token list --state-dir x",
        ] {
            let parsed = CommandLine::try_parse_from(line.split(' ')).unwrap();
            let Command::Ssm(arguments) = parsed.command else {
                panic!("{line}")
            };
            assert_eq!(arguments.state_dir, Some(PathBuf::from("x")));
        }
    }
}
