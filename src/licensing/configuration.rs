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
    /// Further URLs in the order in which they are tried when one before them cannot be reached.
    pub alternatives: Vec<String>,
    /// A proxy on the way.
    pub proxy: Option<Proxy>,
}

impl Destination {
    /// A destination with one URL and no proxy.
    pub fn of(url: impl Into<String>) -> Destination {
        Destination {
            url: url.into(),
            alternatives: Vec::new(),
            proxy: None,
        }
    }
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
    /// Call home as a whole is not in service.
    ServiceOff,
    /// No profile of call home is active.
    NoActiveProfile {
        /// What stands in the way, in words.
        reason: String,
    },
    /// The active profile does not report licensing data.
    ReportingOff {
        /// Which profile.
        profile: String,
    },
    /// The active profile has no transport method http.
    NoTransportMethod {
        /// Which profile.
        profile: String,
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
            TransportProblem::ServiceOff => ReturnCode::CallHomeServiceOff,
            TransportProblem::NoActiveProfile { .. } => ReturnCode::CommDisabled,
            TransportProblem::ReportingOff { .. } => ReturnCode::TransportNotAvailable,
            TransportProblem::NoTransportMethod { .. } => ReturnCode::TransportType,
            TransportProblem::NoDestination { .. } => ReturnCode::NoUrl,
            TransportProblem::BadUrl { .. } | TransportProblem::NeverContacted { .. } => {
                ReturnCode::TransportConfig
            }
        }
    }

    /// No profile carries licensing: the chapter's "unconfigured". A profile that only lacks its destination, as the
    /// built-in one of a new device, is enabled and "unidentified" (readings Q28, Q29).
    pub fn is_unconfigured(&self) -> bool {
        match self {
            TransportProblem::ServiceOff
            | TransportProblem::NoActiveProfile { .. }
            | TransportProblem::ReportingOff { .. }
            | TransportProblem::NoTransportMethod { .. } => true,
            TransportProblem::NoDestination { .. }
            | TransportProblem::BadUrl { .. }
            | TransportProblem::NeverContacted { .. } => false,
        }
    }

    /// Nothing that is configured leads anywhere.
    pub fn leads_nowhere(&self) -> bool {
        match self {
            TransportProblem::ServiceOff
            | TransportProblem::NoActiveProfile { .. }
            | TransportProblem::ReportingOff { .. }
            | TransportProblem::NoTransportMethod { .. }
            | TransportProblem::NoDestination { .. } => true,
            TransportProblem::BadUrl { .. } | TransportProblem::NeverContacted { .. } => false,
        }
    }
}

impl fmt::Display for TransportProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransportProblem::ServiceOff => {
                f.write_str("call home is not in service: its leaf active is missing")
            }
            TransportProblem::NoActiveProfile { reason } => f.write_str(reason),
            // The product's own words, which scripts look for.
            TransportProblem::ReportingOff { profile } => write!(
                f,
                "The action failed because smart license transport is disabled in call-home. Please retry after \
                 manually enabling smart license transport with command \"reporting smart-licensing-data\" under the \
                 profile you want to send out Smart Licensing data, and also make sure the profile is active. \
                 (profile {profile})"
            ),
            TransportProblem::NoTransportMethod { profile } => {
                write!(f, "call-home profile {profile} has no transport method http")
            }
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
