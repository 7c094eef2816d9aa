//! C16: the matrix of faults. Every kind of step × everything that may go wrong with one of its targets, on
//! the real server and on the sand table by the same code: nothing is hidden (status names the refusal with
//! a sentence), nothing is lost (the journal has the peacetime value, and after the cause is gone everything
//! is back exactly, owners included), and one target that goes wrong never holds the others up.
//!
//! [`kinds`] has the rows, [`table`] the columns and what each cell demands or why it makes no sense; a
//! column is one mode that is played ([`play`]) with its cause ([`trouble`]) and judged ([`judge`]) on a
//! [`site`], beside all the others; and one more for the rows of what steps make ([`made`]).

mod judge;
mod kinds;
mod line;
mod made;
mod play;
pub mod site;
mod table;
mod trouble;

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use kube::Client;
use pingzhan::api::names;
use pingzhan::run::clock::Clock;
use pingzhan::run::operator::{self, Settings};
use pingzhan::sandtable::people::User;

use crate::city::played::{installed, settings};
use crate::scenarios::world::World;
use crate::simulation::campaign::say;

use line::Line;
use play::Play;
use site::{Server, Site};
use table::FAULTS;

/// Plays every column at once, and says how many cells there were.
async fn all(on: &str, site: &Site) {
    let plays = FAULTS.map(|fault| Play::new(site, fault).run());
    let made = FAULTS
        .into_iter()
        .filter(|fault| fault.spoils_what_is_made());
    let made = made.map(|fault| Play::made(site, fault).run());
    let mut plays = futures::future::join_all(plays.into_iter().chain(made)).await;
    let events = site.history.events().await;
    for play in &mut plays {
        play.judge(&events).await;
    }
    let wrong: Vec<String> = plays.iter().flat_map(Play::complaints).collect();
    let cells: Vec<(usize, usize)> = FAULTS.iter().map(|fault| fault.cells()).collect();
    let (held, senseless) = cells.iter().fold((0, 0), |(a, b), (held, senseless)| {
        (a + held, b + senseless)
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    say(&format!(
        "faults: on {on}, {held} cells hold and {senseless} make no sense, in {} modes",
        plays.len()
    ));
}

/// Whatever goes wrong with a target of whatever kind of step is said, loses nothing, and holds nothing up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_with_a_target_is_said_and_loses_nothing_on_the_real_server() {
    let mut world = World::new().await;
    let site = Site::prepare(world.client.clone(), Server::Real, &world.plane.prefix).await;
    world.signals = Arc::new(site.signals());
    world.start().await;
    all("the real server", &site).await;
}

/// The same as on the real server.
#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_with_a_target_is_said_and_loses_nothing_on_the_sand_table() {
    let begin: Timestamp = "2026-07-01T08:00:00Z".parse().expect("a moment");
    let clock = Clock::from(begin);
    let service = installed(&clock);
    let trouble = Arc::new(Mutex::default());
    let server = Server::Sand(trouble.clone());
    let site = Site::prepare(service.client(), server, "city").await;
    let own = service.of(User::account(names::DEFAULT_NAMESPACE, "pingzhan"));
    let line = Line {
        service: own,
        trouble,
    };
    let settings = Settings {
        signals: Arc::new(site.signals()),
        ..settings()
    };
    let forever = std::future::pending();
    let client = Client::new(line, "default");
    tokio::spawn(operator::run_over(client, settings, clock, forever));
    all("the sand table", &site).await;
}
