//! The dates of the chapter's samples (A9), to the second.
//!
//! The device counts "next" from the begin of its exchange by its own clock; "expires" and "deadline" are the server's,
//! whose clock in the samples is some minutes behind.

use jiff::{SignedDuration, Timestamp};

use crate::licensing::agent::Command;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::return_code::ReturnCode;
use crate::licensing::simulation::lab::{Lab, days, hours, punctual, seconds};
use crate::licensing::state::RegistrationState;

struct Sample {
    /// When the registration succeeded.
    registered: &'static str,
    next_renewal: &'static str,
    expires: Option<&'static str>,
    /// When the authorization succeeded.
    authorized: &'static str,
    next_communication: &'static str,
    deadline: Option<&'static str>,
    /// How long an exchange takes.
    exchange: SignedDuration,
    renew_interval: SignedDuration,
    next_contact: SignedDuration,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Sample {
    fn check(&self) {
        let mut lab = Lab::starting(punctual(), at(self.registered) - self.exchange);
        lab.server.delay = self.exchange;
        lab.server.renew_interval = self.renew_interval;
        lab.server.next_contact = self.next_contact;
        // The server's clock, from what it says in the sample.
        let begun = lab.now;
        let behind = |asked: Timestamp, said: Option<&str>, life: SignedDuration| {
            said.map_or(SignedDuration::ZERO, |said| {
                (asked + life).duration_since(at(said))
            })
        };
        lab.server.behind = behind(begun, self.expires, days(365));
        lab.use_licences(&[(Entitlement::Client100G, 1)]);
        assert_eq!(lab.register(), ReturnCode::Success);
        lab.run(self.exchange);
        let RegistrationState::Complete {
            completed_at,
            renew_at,
            expires_at,
            ..
        } = lab.agent.state().registration
        else {
            panic!("{:?}", lab.agent.state().registration);
        };
        assert_eq!(completed_at, at(self.registered));
        assert_eq!(renew_at, at(self.next_renewal));
        if let Some(expires) = self.expires {
            assert_eq!(expires_at, at(expires));
        }
        // The first authorization follows at once; the sample's is ordered later.
        lab.run(self.exchange);
        let asked = at(self.authorized) - self.exchange;
        lab.run(asked.duration_since(lab.now));
        lab.server.behind = behind(asked, self.deadline, days(90));
        assert_eq!(lab.command(Command::RenewAuthorization), ReturnCode::Success);
        lab.run(self.exchange);
        let (next, deadline) = lab.authorization_times();
        assert_eq!(next, at(self.next_communication));
        if let Some(expected) = self.deadline {
            assert_eq!(deadline, at(expected));
        }
    }
}

#[test]
fn example_1_of_2021() {
    Sample {
        registered: "2021-06-21T12:40:52+05:30",
        next_renewal: "2021-12-18T12:40:51+05:30",
        expires: Some("2022-06-21T12:35:49+05:30"),
        authorized: "2021-09-09T11:45:43+05:30",
        next_communication: "2021-10-09T11:45:42+05:30",
        deadline: Some("2021-12-08T11:40:41+05:30"),
        exchange: seconds(1),
        renew_interval: days(180),
        next_contact: days(30),
    }
    .check();
}

#[test]
fn example_3_of_2019_whose_server_wants_the_renewal_a_minute_later() {
    Sample {
        registered: "2019-02-11T15:51:10+05:30",
        next_renewal: "2019-08-10T15:52:10+05:30",
        expires: Some("2020-02-11T15:46:59+05:30"),
        authorized: "2019-02-11T15:53:40+05:30",
        next_communication: "2019-03-13T15:53:39+05:30",
        deadline: Some("2019-05-12T15:47:29+05:30"),
        exchange: seconds(1),
        renew_interval: days(180) + seconds(61),
        next_contact: days(30),
    }
    .check();
}

#[test]
fn otn_xp_whose_server_wants_to_hear_again_in_twelve_hours() {
    Sample {
        registered: "2019-12-06T02:54:27Z",
        next_renewal: "2020-06-03T02:54:26Z",
        expires: Some("2020-12-05T02:49:42Z"),
        authorized: "2019-12-06T02:56:50Z",
        next_communication: "2019-12-06T14:56:49Z",
        deadline: Some("2020-03-05T02:52:06Z"),
        exchange: seconds(1),
        renew_interval: days(180),
        next_contact: hours(12),
    }
    .check();
}

#[test]
fn qxp_of_2021() {
    Sample {
        registered: "2021-12-28T22:19:26Z",
        next_renewal: "2022-06-26T22:19:25Z",
        expires: None,
        authorized: "2021-12-28T22:33:10Z",
        next_communication: "2022-01-27T22:33:09Z",
        deadline: None,
        exchange: seconds(1),
        renew_interval: days(180),
        next_contact: days(30),
    }
    .check();
}

#[test]
fn the_public_sample_of_another_product_line_whose_exchanges_take_no_second() {
    let registered = at("2023-05-10T16:39:56Z");
    Sample {
        registered: "2023-05-10T16:39:56Z",
        next_renewal: "2023-11-06T16:39:56Z",
        expires: Some("2024-05-09T15:40:46Z"),
        authorized: "2023-05-10T16:45:00Z",
        next_communication: "2023-06-09T16:45:00Z",
        deadline: Some("2023-08-08T15:45:51Z"),
        exchange: seconds(0),
        renew_interval: days(180),
        next_contact: days(30),
    }
    .check();
    assert_eq!(
        at("2024-05-09T15:40:46Z"),
        registered + days(365) - seconds(59 * 60 + 10)
    );
}

#[test]
fn a_year_has_365_days_and_a_leap_day_counts() {
    // OTN-XP: Dec 06 2019 to Dec 05 2020, with Feb 29 in between.
    let year = at("2020-12-05T02:49:42Z").duration_since(at("2019-12-06T02:49:42Z"));
    assert_eq!(year, days(365));
}
