//! Records as lines of a `defmt` log, for a device whose only channel is one.

use super::{Frame, Record, SelfTest};
use crate::probe::Answer;

/// Logs `frame` through `defmt`: faults as errors, alarms as warnings, the rest for information.
///
/// Nothing is encoded: the host's `defmt-print` or `probe-rs` renders the line with the firmware's ELF. A log cannot be
/// decoded without it and is not checked against loss, which is what [`Encoder`](super::Encoder) is for.
pub fn log(frame: &Frame<'_>) {
    let Frame {
        device,
        boot,
        seq,
        uptime_ms,
        record,
        ..
    } = frame;
    match record {
        Record::Fault { .. }
        | Record::Window {
            answer: Answer::Faulty,
            ..
        } => defmt::error!(
            "{=u64:016x} {}.{} {} ms {}",
            device,
            boot,
            seq,
            uptime_ms,
            record
        ),
        Record::Window { answer, .. } | Record::Monitor { answer, .. } if *answer != Answer::Ok => {
            defmt::warn!(
                "{=u64:016x} {}.{} {} ms {}",
                device,
                boot,
                seq,
                uptime_ms,
                record
            );
        }
        Record::Health { self_test, .. }
            if !matches!(self_test, SelfTest::Passed | SelfTest::NotRun) =>
        {
            defmt::error!(
                "{=u64:016x} {}.{} {} ms {}",
                device,
                boot,
                seq,
                uptime_ms,
                record
            );
        }
        _ => defmt::info!(
            "{=u64:016x} {}.{} {} ms {}",
            device,
            boot,
            seq,
            uptime_ms,
            record
        ),
    }
}
