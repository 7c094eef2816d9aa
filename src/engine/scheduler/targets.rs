//! What is known of targets over all modes: who writes one, which one is left alone for a while,
//! which one for good.

use std::collections::{BTreeMap, BTreeSet};

use super::types::Lane;
use crate::field::Uid;

/// A write in flight.
#[derive(Clone, Debug)]
pub struct Flight {
    /// Whose.
    pub mode: String,
    /// In which lane.
    pub lane: Lane,
    /// Its number among all writes.
    pub issue: u64,
}

/// The targets that are not simply free.
#[derive(Debug, Default)]
pub struct Targets {
    flying: BTreeMap<Uid, Flight>,
    flying_values: usize,
    cooling: BTreeMap<Uid, u64>,
    cooled: BTreeSet<(u64, Uid)>,
    parked: BTreeMap<Uid, BTreeSet<String>>,
    quarantined: BTreeMap<Uid, BTreeSet<String>>,
}

impl Targets {
    /// Writes in flight.
    pub fn flying(&self) -> usize {
        self.flying.len()
    }

    /// Writes in flight in a lane.
    pub fn flying_in(&self, lane: Lane) -> usize {
        match lane {
            Lane::Value => self.flying_values,
            Lane::Ownership => self.flying.len() - self.flying_values,
        }
    }

    /// A write starts.
    pub fn fly(&mut self, uid: &Uid, flight: Flight) {
        self.flying_values += usize::from(flight.lane == Lane::Value);
        self.flying.insert(uid.clone(), flight);
    }

    /// A write was answered; nothing for an answer that nobody waits for. With `cooling` after
    /// `now`, the target is left alone until then.
    pub fn land(&mut self, mode: &str, uid: &Uid, now: u64, cooling: u64) -> Option<Flight> {
        if self
            .flying
            .get(uid)
            .is_none_or(|flight| flight.mode != mode)
        {
            return None;
        }
        let flight = self.flying.remove(uid)?;
        self.flying_values -= usize::from(flight.lane == Lane::Value);
        if cooling > now {
            self.cooling.insert(uid.clone(), cooling);
            self.cooled.insert((cooling, uid.clone()));
        }
        Some(flight)
    }

    /// Whether a write may not start now.
    pub fn is_busy(&self, uid: &Uid, now: u64) -> bool {
        self.flying.contains_key(uid) || self.cooling.get(uid).is_some_and(|at| *at > now)
    }

    /// Remembers that a mode waits for a target.
    pub fn park(&mut self, uid: &Uid, mode: &str) {
        self.parked
            .entry(uid.clone())
            .or_default()
            .insert(mode.to_owned());
    }

    /// The modes that wait for a target, which need not wait any longer.
    pub fn unpark(&mut self, uid: &Uid) -> BTreeSet<String> {
        self.parked.remove(uid).unwrap_or_default()
    }

    /// The targets that were left alone for long enough.
    pub fn cooled(&mut self, now: u64) -> Vec<Uid> {
        let mut cooled = Vec::new();
        while self.cooled.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((at, uid)) = self.cooled.pop_first()
                && self.cooling.get(&uid) == Some(&at)
            {
                self.cooling.remove(&uid);
                cooled.push(uid);
            }
        }
        cooled
    }

    /// When the next target has been left alone for long enough.
    pub fn next_cooled(&self) -> Option<u64> {
        self.cooled.first().map(|(at, _)| *at)
    }

    /// Whether this process does not touch the target again.
    pub fn is_quarantined(&self, uid: &Uid) -> bool {
        self.quarantined.contains_key(uid)
    }

    /// Quarantines a target; whether this is new to the mode.
    pub fn quarantine(&mut self, uid: &Uid, mode: &str) -> bool {
        self.quarantined
            .entry(uid.clone())
            .or_default()
            .insert(mode.to_owned())
    }
}
