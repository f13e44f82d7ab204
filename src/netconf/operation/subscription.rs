//! The operations on subscriptions (RFC 8639 section 2.4), with what RFC 8641 adds to them.

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::{Filter, Request};
use crate::management::subscription::terms::{
    ChangeType, FilterChoice, Subscribable, SubscriptionOperation, Target, Terms, Trigger,
};
use crate::netconf::document::Element;
use crate::netconf::namespace;
use crate::netconf::operation::parameters::{
    self, Parameters, content, invalid_value, leaf, nmda_datastore, unknown_element,
};

/// Parameters of the streams' module, and of the datastores'.
const OF_STREAMS: [&str; 8] = [
    "id",
    "stream-filter-name",
    "stream-subtree-filter",
    "stream-xpath-filter",
    "stream",
    "replay-start-time",
    "stop-time",
    "encoding",
];
const OF_DATASTORES: [&str; 6] = [
    "datastore",
    "selection-filter-ref",
    "datastore-subtree-filter",
    "datastore-xpath-filter",
    "periodic",
    "on-change",
];

/// Reads `<establish-subscription>`.
pub fn establish(operation: Element<'_>) -> Result<Request, ManagementError> {
    let given = Given::of(operation)?;
    if let Some(id) = given.find("id") {
        return Err(unknown_element(operation.name(), id.name(), &OF_STREAMS));
    }
    Ok(Request::Subscription(SubscriptionOperation::Establish(
        given.terms()?,
    )))
}

/// Reads `<modify-subscription>`.
pub fn modify(operation: Element<'_>) -> Result<Request, ManagementError> {
    let given = Given::of(operation)?;
    for fixed in ["stream", "replay-start-time", "encoding"] {
        if given.find(fixed).is_some() {
            return Err(unknown_element(
                operation.name(),
                fixed,
                &[
                    "id",
                    "a filter",
                    "stop-time",
                    "datastore",
                    "periodic",
                    "on-change",
                ],
            ));
        }
    }
    let id = given.find("id").ok_or_else(|| missing(operation.name(), "id"))?;
    Ok(Request::Subscription(SubscriptionOperation::Modify {
        id: number(operation.name(), id)?,
        terms: given.terms()?,
    }))
}

/// Reads `<delete-subscription>`.
pub fn delete(operation: Element<'_>) -> Result<Request, ManagementError> {
    let id = only_id(operation)?;
    Ok(Request::Subscription(SubscriptionOperation::Delete { id }))
}

/// Reads `<kill-subscription>`.
pub fn kill(operation: Element<'_>) -> Result<Request, ManagementError> {
    let id = only_id(operation)?;
    Ok(Request::Subscription(SubscriptionOperation::Kill { id }))
}

/// Reads `<resync-subscription>`.
pub fn resync(operation: Element<'_>) -> Result<Request, ManagementError> {
    let id = only_id(operation)?;
    Ok(Request::Subscription(SubscriptionOperation::Resync { id }))
}

fn only_id(operation: Element<'_>) -> Result<u32, ManagementError> {
    let parameters = Parameters::of(operation, &["id"])?;
    number(operation.name(), parameters.required("id")?)
}

/// The parameters in whatever order they came.
struct Given<'d> {
    operation: Element<'d>,
    children: Vec<Element<'d>>,
}

impl<'d> Given<'d> {
    fn of(operation: Element<'d>) -> Result<Given<'d>, ManagementError> {
        let name = operation.name();
        let mut children: Vec<Element<'d>> = Vec::new();
        for child in operation.children() {
            let expected = match child.name() {
                of_streams if OF_STREAMS.contains(&of_streams) => namespace::SUBSCRIBED_NOTIFICATIONS,
                of_datastores if OF_DATASTORES.contains(&of_datastores) => namespace::YANG_PUSH,
                other => {
                    let all = [OF_STREAMS.as_slice(), OF_DATASTORES.as_slice()].concat();
                    return Err(unknown_element(name, other, &all));
                }
            };
            if ![expected, namespace::BASE, ""].contains(&child.namespace()) {
                let message = format!(
                    "<{}> of {name} is in `{}`: expected {expected}",
                    child.name(),
                    child.namespace()
                );
                return Err(ManagementError::protocol(ErrorTag::UnknownNamespace, message)
                    .with_info("bad-element", child.name())
                    .with_info("bad-namespace", child.namespace()));
            }
            if children.iter().any(|earlier| earlier.name() == child.name()) {
                return Err(bad(
                    child.name(),
                    format!("<{}> of {name} is given twice", child.name()),
                ));
            }
            children.push(child);
        }
        if !operation.text().is_empty() {
            return Err(bad(name, format!("{name} holds text beside its parameters")));
        }
        Ok(Given { operation, children })
    }

    fn find(&self, name: &str) -> Option<Element<'d>> {
        self.children.iter().copied().find(|child| child.name() == name)
    }

    fn text(&self, name: &str) -> Result<Option<String>, ManagementError> {
        let text = self.find(name).map(leaf).transpose()?;
        Ok(text.map(str::to_owned))
    }

    /// At most one of some parameters.
    fn one_of(&self, names: &[&str]) -> Result<Option<Element<'d>>, ManagementError> {
        let mut given = self
            .children
            .iter()
            .copied()
            .filter(|child| names.contains(&child.name()));
        let first = given.next();
        match (first, given.next()) {
            (Some(first), Some(second)) => Err(bad(
                second.name(),
                format!(
                    "{} takes {} or {}, not both",
                    self.operation.name(),
                    first.name(),
                    second.name()
                ),
            )),
            _ => Ok(first),
        }
    }

    fn terms(&self) -> Result<Terms, ManagementError> {
        self.one_of(&["stream", "datastore"])?;
        let filter = self.one_of(&[
            "stream-filter-name",
            "stream-subtree-filter",
            "stream-xpath-filter",
            "selection-filter-ref",
            "datastore-subtree-filter",
            "datastore-xpath-filter",
        ])?;
        let of_stream = ["stream", "replay-start-time"]
            .into_iter()
            .find_map(|name| self.find(name))
            .or(filter.filter(|filter| filter.name().starts_with("stream-")));
        let of_datastore = ["datastore", "periodic", "on-change"]
            .into_iter()
            .find_map(|name| self.find(name))
            .or(filter.filter(|filter| !filter.name().starts_with("stream-")));
        let target = match (of_stream, of_datastore) {
            (Some(one), Some(other)) => {
                let message = format!(
                    "{}: {} is about an event stream and {} about a datastore, it takes one of them",
                    self.operation.name(),
                    one.name(),
                    other.name()
                );
                return Err(bad(other.name(), message));
            }
            (None, None) => Target::Unstated,
            (Some(_), None) => Target::Stream {
                name: self.text("stream")?,
                replay_start_time: self.text("replay-start-time")?,
            },
            (None, Some(_)) => Target::Datastore {
                datastore: self.datastore()?,
                trigger: self.trigger()?,
            },
        };
        Ok(Terms {
            target,
            filter: filter.map(filter_choice).transpose()?.unwrap_or_default(),
            stop_time: self.text("stop-time")?,
            encoding: self
                .text("encoding")?
                .map(|given| given.rsplit(':').next().unwrap_or_default().to_owned()),
        })
    }

    fn datastore(&self) -> Result<Subscribable, ManagementError> {
        let name = self.operation.name();
        let element = self.find("datastore").ok_or_else(|| missing(name, "datastore"))?;
        match nmda_datastore(name, element) {
            Ok(known) => Ok(Subscribable::Known(known)),
            Err(_) => Ok(Subscribable::Other(leaf(element)?.to_owned())),
        }
    }

    fn trigger(&self) -> Result<Option<Trigger>, ManagementError> {
        let Some(element) = self.one_of(&["periodic", "on-change"])? else {
            return Ok(None);
        };
        let allowed: &[&str] = match (element.name(), self.operation.name()) {
            ("periodic", _) => &["period", "anchor-time"],
            (_, "modify-subscription") => &["dampening-period"],
            _ => &["dampening-period", "sync-on-start", "excluded-change"],
        };
        let inside = Parameters::of(element, allowed)?;
        if element.name() == "periodic" {
            return Ok(Some(Trigger::Periodic {
                period: number("periodic", inside.required("period")?)?,
                anchor_time: inside.text("anchor-time")?.map(str::to_owned),
            }));
        }
        let dampening_period = inside.optional("dampening-period");
        let excluded = inside
            .all("excluded-change")
            .map(|element| {
                let given = leaf(element)?;
                let known = ChangeType::ALL.into_iter().find(|(name, _)| *name == given);
                known.map(|(_, change)| change).ok_or_else(|| {
                    let names: Vec<&str> = ChangeType::ALL.iter().map(|(name, _)| *name).collect();
                    let message = format!("excluded-change: `{given}` is not one of {}", names.join(", "));
                    invalid_value("excluded-change", message)
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Trigger::OnChange {
            dampening_period: dampening_period
                .map(|element| number("on-change", element))
                .transpose()?
                .unwrap_or_default(),
            sync_on_start: match inside.text("sync-on-start")? {
                None | Some("true") => true,
                Some("false") => false,
                Some(other) => {
                    let message = format!("sync-on-start: `{other}` is not true or false");
                    return Err(invalid_value("sync-on-start", message));
                }
            },
            excluded,
        }))
    }
}

fn filter_choice(filter: Element<'_>) -> Result<FilterChoice, ManagementError> {
    match filter.name() {
        "stream-filter-name" | "selection-filter-ref" => Ok(FilterChoice::Named(leaf(filter)?.to_owned())),
        "stream-subtree-filter" | "datastore-subtree-filter" => {
            if !filter.text().is_empty() {
                let message = format!("{} holds text beside its elements", filter.name());
                return Err(bad(filter.name(), message));
            }
            Ok(FilterChoice::Own(Filter::Subtree(content(filter)?)))
        }
        _ => Ok(FilterChoice::Own(Filter::XPath {
            select: leaf(filter)?.to_owned(),
            namespaces: filter.scope(),
        })),
    }
}

fn number(parent: &str, element: Element<'_>) -> Result<u32, ManagementError> {
    let given = leaf(element)?;
    given.parse().map_err(|_| {
        let message = format!(
            "{} of {parent}: `{given}` is not a number from 0 to 4294967295",
            element.name()
        );
        invalid_value(element.name(), message)
    })
}

fn bad(name: &str, message: String) -> ManagementError {
    ManagementError::protocol(ErrorTag::BadElement, message).with_info("bad-element", name)
}

fn missing(operation: &str, name: &str) -> ManagementError {
    parameters::missing_element(name, format!("{operation} needs <{name}>"))
}
