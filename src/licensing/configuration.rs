//! What is configured about licensing, as plain data: the way to the server, and what must not be told to it.

use std::fmt;

use crate::licensing::return_code::ReturnCode;

/// Everything that is configured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Configuration {
    /// Smart Licensing is on; always, on this platform, unless the settings say otherwise.
    pub enabled: bool,
    /// How the server is reached.
    pub transport: Transport,
    /// Where the server is, or why there is none.
    pub destination: Result<Destination, TransportProblem>,
    /// Licences are reserved by codes that are carried by hand, instead of by exchanges with the server.
    pub reservation: bool,
    /// The host name is withheld from the server.
    pub host_name_withheld: bool,
    /// The software version is withheld from the server.
    pub version_withheld: bool,
    /// The host name, when one is configured.
    pub host_name: Option<String>,
}

impl Default for Configuration {
    /// A device at its first start: call home is active and has no destination (reading Q29).
    fn default() -> Configuration {
        Configuration {
            enabled: true,
            transport: Transport::CallHome,
            destination: Err(TransportProblem::NoDestination {
                transport: Transport::CallHome,
            }),
            reservation: false,
            host_name_withheld: false,
            version_withheld: false,
            host_name: None,
        }
    }
}

/// The two ways to a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// A profile of call home.
    CallHome,
    /// A URL of its own.
    Smart,
}

/// Where the server is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination {
    /// Its URL.
    pub url: String,
    /// A proxy on the way.
    pub proxy: Option<Proxy>,
}

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proxy {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Why no server can be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransportProblem {
    /// No profile of call home is active, or none of them may carry licensing data.
    NoActiveProfile {
        /// What stands in the way, in words.
        reason: String,
    },
    /// A way without a destination.
    NoDestination {
        /// Which way.
        transport: Transport,
    },
    /// The destination is no http or https URL.
    BadUrl {
        /// As configured.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The destination belongs to a vendor whose service speaks another protocol (reading Q31).
    NeverContacted {
        /// As configured.
        url: String,
        /// The domain on the list.
        domain: String,
    },
}

impl TransportProblem {
    /// What a licence command answers.
    pub fn return_code(&self) -> ReturnCode {
        match self {
            TransportProblem::NoActiveProfile { .. } => ReturnCode::CommDisabled,
            TransportProblem::NoDestination { .. } => ReturnCode::NoUrl,
            TransportProblem::BadUrl { .. } | TransportProblem::NeverContacted { .. } => {
                ReturnCode::TransportConfig
            }
        }
    }

    /// No profile carries licensing: the chapter's "unconfigured". A profile that only lacks its destination, as the
    /// built-in one of a new device, is enabled and "unidentified" (readings Q28, Q29).
    pub fn is_unconfigured(&self) -> bool {
        matches!(self, TransportProblem::NoActiveProfile { .. })
    }

    /// Nothing that is configured leads anywhere.
    pub fn leads_nowhere(&self) -> bool {
        match self {
            TransportProblem::NoActiveProfile { .. } | TransportProblem::NoDestination { .. } => true,
            TransportProblem::BadUrl { .. } | TransportProblem::NeverContacted { .. } => false,
        }
    }
}

impl fmt::Display for TransportProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransportProblem::NoActiveProfile { reason } => f.write_str(reason),
            TransportProblem::NoDestination {
                transport: Transport::CallHome,
            } => f.write_str("the active call-home profile has no http destination address"),
            TransportProblem::NoDestination {
                transport: Transport::Smart,
            } => f.write_str("the smart transport has no url-registration"),
            TransportProblem::BadUrl { url, reason } => {
                write!(f, "destination {url:?} is not an http or https URL: {reason}")
            }
            TransportProblem::NeverContacted { url, domain } => write!(
                f,
                "destination {url} is in {domain}, which is never contacted: this agent speaks Ponder's own licensing \
                 protocol and needs a server that speaks it, such as 'ponder ssm'"
            ),
        }
    }
}
