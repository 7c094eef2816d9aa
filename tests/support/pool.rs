//! The pool: control planes that the test command started, or else our own, started when first
//! needed and ended with this process.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{variable, xtask};

/// How many control planes there are where nobody says: with two cores a third only slows the
/// others down.
const SIZE: usize = 2;

/// A control plane of the pool.
#[derive(Debug)]
struct Member {
    /// Its admin's kubeconfig, once it is up.
    kubeconfig: Option<PathBuf>,
    number: usize,
    /// Whether CRDs and RBAC were applied.
    prepared: bool,
}

struct Pool {
    free: Mutex<Vec<Member>>,
    permits: Semaphore,
}

/// A control plane that is taken. It goes back when this is dropped.
#[derive(Debug)]
pub struct Slot {
    member: Option<Member>,
    _permit: SemaphorePermit<'static>,
}

fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| {
        let given: Vec<Option<PathBuf>> = match variable("PINGZHAN_TEST_CLUSTERS") {
            Some(paths) => std::env::split_paths(&paths).map(Some).collect(),
            None => vec![None; SIZE],
        };
        let member = |(number, kubeconfig)| Member {
            kubeconfig,
            number,
            prepared: false,
        };
        let members: Vec<Member> = given.into_iter().enumerate().map(member).collect();
        Pool {
            permits: Semaphore::new(members.len()),
            free: Mutex::new(members),
        }
    })
}

/// Takes a control plane.
pub async fn take() -> Slot {
    let pool = pool();
    let permit = pool
        .permits
        .acquire()
        .await
        .expect("the pool is never closed");
    let member = pool
        .free
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop();
    let mut member = member.expect("a permit stands for a free member");
    let number = member.number;
    member.kubeconfig.get_or_insert_with(|| start(number));
    Slot {
        member: Some(member),
        _permit: permit,
    }
}

/// Starts a control plane that ends with this process, however it ends.
fn start(number: usize) -> PathBuf {
    let own = std::process::id().to_string();
    let name = format!("tests-{own}-{number}");
    xtask(&[
        "cluster",
        "up",
        "--name",
        &name,
        "--no-fsync",
        "--owner",
        &own,
    ])
    .trim()
    .into()
}

impl Slot {
    /// The admin's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        let member = self.member.as_ref().expect("there until dropped");
        member
            .kubeconfig
            .clone()
            .expect("it is up when it is taken")
    }

    /// Whether this is the first time that it is taken.
    pub fn is_new(&self) -> bool {
        self.member.as_ref().is_some_and(|member| !member.prepared)
    }

    /// Notes that CRDs and RBAC were applied.
    pub fn prepared(&mut self) {
        if let Some(member) = &mut self.member {
            member.prepared = true;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // The member goes back before the permit does.
        pool()
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(self.member.take());
    }
}
