//! RFC 8640 section 5: one session has subscriptions of RFC 8639 or one of RFC 5277, not both.

use crate::rfc5277_section_2::subscribe;
use crate::rfc8639_section_2::{NETCONF, establish, follow, office, operation};

#[test]
fn rfc8640_5_create_subscription_is_refused_while_there_are_others() {
    let (mut office, follower, actor) = office();
    let id = follow(&mut office, follower, NETCONF);
    let reply = office.ask(follower, &subscribe(""));
    assert!(reply.contains("<error-tag>operation-not-supported<"), "{reply}");
    office.accept(actor, &subscribe(""));
    office.accept(follower, &operation("delete-subscription", id, ""));
    office.accept(follower, &subscribe(""));
}

#[test]
fn rfc8640_5_establish_subscription_is_refused_after_create_subscription() {
    let (mut office, follower, actor) = office();
    office.accept(follower, &subscribe(""));
    let reply = office.ask(follower, &establish(NETCONF));
    assert!(reply.contains("<error-tag>operation-not-supported<"), "{reply}");
    follow(&mut office, actor, NETCONF);
}
