//! Jobs side by side, in the order given, until one fails.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does every one of `jobs`, `at_once` of them at a time; after a failure none is begun.
///
/// # Errors
/// The first failure, when the jobs that had begun have ended.
pub(crate) fn work<T: Sync, E: Send>(
    jobs: &[T],
    at_once: usize,
    one: impl Fn(&T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<E>> = Mutex::new(None);
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = one(job) {
                next.store(jobs.len(), Ordering::Relaxed);
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..at_once.clamp(1, jobs.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
