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
    macro_rules! line {
        ($level:ident) => {
            defmt::$level!(
                "{=u64:016x} {}.{} {} ms {}",
                device,
                boot,
                seq,
                uptime_ms,
                record
            )
        };
    }
    match record {
        Record::Fault { .. }
        | Record::Window {
            answer: Answer::Faulty,
            ..
        } => line!(error),
        Record::Window { answer, .. } | Record::Monitor { answer, .. } if *answer != Answer::Ok => {
            line!(warn);
        }
        Record::Health { self_test, .. }
            if !matches!(self_test, SelfTest::Passed | SelfTest::NotRun) =>
        {
            line!(error);
        }
        _ => line!(info),
    }
}
