//! The agent against a licence server in memory, over days and years of simulated time.

mod authorization;
mod clock;
mod evaluation;
mod lab;
mod promises;
mod readings;
mod registration;
mod reservation;
mod samples;
mod server;
mod year;
