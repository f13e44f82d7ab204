//! Why an operation on subscriptions is refused: an identity, the error that it stands for, and hints (RFC 8640 section 7).

use std::fmt::Write;

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::subscription::terms::SubscriptionOperation;
use crate::yang::print::escape_text;

const SUBSCRIBED: &str = "ietf-subscribed-notifications";
const PUSH: &str = "ietf-yang-push";

/// Reasons that have an identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the names are the identities themselves
pub enum Reason {
    EncodingUnsupported,
    FilterUnsupported,
    InsufficientResources,
    NoSuchSubscription,
    NoSuchSubscriptionResync,
    ReplayUnsupported,
    DatastoreNotSubscribable,
    OnChangeUnsupported,
    OnChangeSyncUnsupported,
    PeriodUnsupported,
    UpdateTooBig,
    SyncTooBig,
    UnchangingSelection,
    /// Of a suspension alone.
    UnsupportableVolume,
    /// Of a termination alone.
    FilterUnavailable,
    /// Of a termination alone.
    SuspensionTimeout,
}

impl Reason {
    /// The identity, `module:name`.
    pub fn identity(self) -> String {
        let (module, name) = match self {
            Reason::EncodingUnsupported => (SUBSCRIBED, "encoding-unsupported"),
            Reason::FilterUnsupported => (SUBSCRIBED, "filter-unsupported"),
            Reason::InsufficientResources => (SUBSCRIBED, "insufficient-resources"),
            Reason::NoSuchSubscription => (SUBSCRIBED, "no-such-subscription"),
            Reason::ReplayUnsupported => (SUBSCRIBED, "replay-unsupported"),
            Reason::UnsupportableVolume => (SUBSCRIBED, "unsupportable-volume"),
            Reason::FilterUnavailable => (SUBSCRIBED, "filter-unavailable"),
            Reason::SuspensionTimeout => (SUBSCRIBED, "suspension-timeout"),
            Reason::NoSuchSubscriptionResync => (PUSH, "no-such-subscription-resync"),
            Reason::DatastoreNotSubscribable => (PUSH, "datastore-not-subscribable"),
            Reason::OnChangeUnsupported => (PUSH, "on-change-unsupported"),
            Reason::OnChangeSyncUnsupported => (PUSH, "on-change-sync-unsupported"),
            Reason::PeriodUnsupported => (PUSH, "period-unsupported"),
            Reason::UpdateTooBig => (PUSH, "update-too-big"),
            Reason::SyncTooBig => (PUSH, "sync-too-big"),
            Reason::UnchangingSelection => (PUSH, "unchanging-selection"),
        };
        format!("{module}:{name}")
    }

    fn tag(self) -> ErrorTag {
        match self {
            Reason::InsufficientResources => ErrorTag::ResourceDenied,
            Reason::ReplayUnsupported | Reason::OnChangeUnsupported | Reason::OnChangeSyncUnsupported => {
                ErrorTag::OperationNotSupported
            }
            Reason::UpdateTooBig | Reason::SyncTooBig => ErrorTag::TooBig,
            Reason::UnchangingSelection => ErrorTag::OperationFailed,
            Reason::EncodingUnsupported
            | Reason::FilterUnsupported
            | Reason::NoSuchSubscription
            | Reason::NoSuchSubscriptionResync
            | Reason::DatastoreNotSubscribable
            | Reason::PeriodUnsupported
            | Reason::UnsupportableVolume
            | Reason::FilterUnavailable
            | Reason::SuspensionTimeout => ErrorTag::InvalidValue,
        }
    }
}

/// A refusal of an operation on subscriptions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// For a reason that has an identity.
    Because {
        /// The identity.
        reason: Reason,
        /// Names the thing, the value and the rule.
        message: String,
        /// What would have been accepted.
        hints: Hints,
    },
    /// Another error of the protocol.
    Plain(ManagementError),
}

/// What helps to ask again (RFC 8641, grouping hints).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hints {
    /// A period that would do, in hundredths of a second.
    pub period: Option<u32>,
    /// What is wrong with the filter, and where.
    pub filter_failure: Option<String>,
    /// How big an update would be, and how big one may be.
    pub kilobytes: Option<(u32, u32)>,
}

impl Refusal {
    /// Without hints.
    pub fn because(reason: Reason, message: impl Into<String>) -> Refusal {
        Refusal::Because {
            reason,
            message: message.into(),
            hints: Hints::default(),
        }
    }

    /// A filter that cannot be evaluated, or that selects nothing, with a hint at what is wrong with it.
    pub fn of_filter(reason: Reason, problem: impl Into<String>) -> Refusal {
        let problem = problem.into();
        Refusal::Because {
            reason,
            message: problem.clone(),
            hints: Hints {
                filter_failure: Some(problem),
                ..Hints::default()
            },
        }
    }

    /// An error without an identity of its own.
    pub fn plain(tag: ErrorTag, message: impl Into<String>) -> Refusal {
        Refusal::Plain(ManagementError::application(tag, message))
    }

    /// A parameter with a wrong value.
    pub fn wrong(element: &'static str, message: impl Into<String>) -> Refusal {
        let error = ManagementError::application(ErrorTag::InvalidValue, message);
        Refusal::Plain(error.with_info("bad-element", element))
    }

    /// The error of an operation; `of_datastore` where it was about one.
    pub fn into_error(self, operation: &SubscriptionOperation, of_datastore: bool) -> ManagementError {
        let (reason, message, hints) = match self {
            Refusal::Plain(error) => return error,
            Refusal::Because {
                reason,
                message,
                hints,
            } => (reason, message, hints),
        };
        let error = ManagementError {
            app_tag: Some(reason.identity()),
            ..ManagementError::application(reason.tag(), message)
        };
        // RFC 8640 section 7: only these two have parameters that a hint could be about.
        let structure = match (operation, of_datastore) {
            (SubscriptionOperation::Establish(_), false) => "establish-subscription-stream-error-info",
            (SubscriptionOperation::Establish(_), true) => "establish-subscription-datastore-error-info",
            (SubscriptionOperation::Modify { .. }, false) => "modify-subscription-stream-error-info",
            (SubscriptionOperation::Modify { .. }, true) => "modify-subscription-datastore-error-info",
            _ => return error,
        };
        match hints.to_xml() {
            hints if hints.is_empty() => error,
            hints => error.with_info(structure, hints),
        }
    }
}

impl Hints {
    /// The children of the structure, in the order of the schema.
    fn to_xml(&self) -> String {
        let mut text = String::new();
        if let Some(period) = self.period {
            let _ = write!(text, "<period-hint>{period}</period-hint>");
        }
        if let Some(problem) = &self.filter_failure {
            let problem = escape_text(problem);
            let _ = write!(text, "<filter-failure-hint>{problem}</filter-failure-hint>");
        }
        if let Some((estimate, limit)) = self.kilobytes {
            let _ = write!(
                text,
                "<kilobytes-estimate>{estimate}</kilobytes-estimate><kilobytes-limit>{limit}</kilobytes-limit>"
            );
        }
        text
    }
}

impl From<ManagementError> for Refusal {
    fn from(error: ManagementError) -> Refusal {
        Refusal::Plain(error)
    }
}
