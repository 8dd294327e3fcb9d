//! An invented fleet in a temporary folder.
//!
//! # Invariants
//! - The folder is gone when the value is.
//!
//! # Why
//! Every test file asks about one.
#![allow(dead_code, reason = "every test file uses a part of it")]

use core::future::Future;
use std::path::PathBuf;

use lacuna_fleet::demo::{self, Plan, Truth};
use lacuna_fleet::engine::Settings;
use lacuna_fleet::failure::Failure;

pub(crate) struct Invented {
    pub(crate) truth: Truth,
    dir: tempfile::TempDir,
}

impl Invented {
    pub(crate) fn new(plan: &Plan) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let truth = demo::write(&dir.path().join("fleet"), plan, || ()).expect("a fleet");
        Self { truth, dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("fleet").join(name)
    }

    pub(crate) fn settings(&self, cohorts: bool) -> Settings {
        Settings {
            cohorts: cohorts.then(|| self.path("cohorts.csv")),
            ..Settings::new(self.path("telemetry"))
        }
    }
}

/// Runs `work` to its end.
pub(crate) fn attempt<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(work)
}

/// Runs `work`, which cannot fail here.
pub(crate) fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> T {
    attempt(work).unwrap_or_else(|e| panic!("{e}"))
}
