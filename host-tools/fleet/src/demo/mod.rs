//! An invented fleet: telemetry as devices would have sent it, with faults whose place is known.
//!
//! ```text
//! seed ─► devices ─► boots ─► frames ─► lossy link ─► DIR/model=…/device=…/<boot>-<seq>.parquet
//! ```
//!
//! # Invariants
//! - The same [`Plan`] gives the same files, byte for byte.
//! - Sketches are computed from drawn values by the code that devices run.
//! - What is wrong with which device is in [`Truth`], and nothing else is wrong.
//!
//! # Why
//! Tests need to know what a search ought to find; and a new user wants to see a report before the first board is on a desk.

mod device;
mod sheet;

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use sheet::Sheet;

/// The invented model.
pub const MODEL: &str = "5eedf1ee7a11ab1e";
/// When the first device starts: 2026-01-05 00:00 UTC, a Monday.
pub const BEGIN_MS: i64 = 1_767_571_200_000;
/// The cohorts, of which the last one drifts.
pub const COHORTS: [&str; 3] = ["bench", "field-north", "field-south"];

const HOUR_MS: u64 = 3_600_000;

/// How large a fleet.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Devices.
    pub devices: u32,
    /// Days of telemetry.
    pub days: u32,
    /// Hours between two sketches of a statistic.
    pub hours: u32,
    /// Seed of everything.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            devices: 60,
            days: 14,
            hours: 4,
            seed: 1,
        }
    }
}

/// What is wrong in the fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Records written.
    pub records: u64,
    /// Frames that the link lost within a boot.
    pub lost: u64,
    /// A device whose neurons saturate: its statistics deviate from the start.
    pub saturated: String,
    /// A device whose link loses one frame in five.
    pub bad_link: String,
    /// A device whose memory fails: its monitor answers *faulty* now and then.
    pub faulty: String,
    /// The cohort whose inputs change from the middle on.
    pub drifting: String,
}

/// The device's number as an id: spread out, as serial numbers of chips are.
fn id(seed: u64, number: u32) -> String {
    let mut z = (seed ^ u64::from(number)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!("{:016x}", z ^ (z >> 31))
}

/// Writes the fleet below `folder` (its Parquet files in `telemetry/`, and `cohorts.csv`); `each` hears of every device.
///
/// # Errors
/// A folder that has something in it, or cannot be written to.
pub fn write(folder: &Path, plan: &Plan, mut each: impl FnMut()) -> Result<Truth, Failure> {
    if fs::read_dir(folder).is_ok_and(|mut there| there.next().is_some()) {
        return Err(Failure::Occupied {
            path: folder.to_owned(),
        });
    }
    let telemetry = folder.join("telemetry");
    fs::create_dir_all(&telemetry).map_err(Failure::write(&telemetry))?;
    let mut truth = Truth {
        drifting: COHORTS[COHORTS.len() - 1].to_owned(),
        ..Truth::default()
    };
    let mut cohorts = String::from("device,cohort\n");
    for number in 0..plan.devices {
        let trouble = device::Trouble::of(number);
        let id = id(plan.seed, number);
        match trouble {
            device::Trouble::Saturated => truth.saturated.clone_from(&id),
            device::Trouble::BadLink => truth.bad_link.clone_from(&id),
            device::Trouble::Faulty => truth.faulty.clone_from(&id),
            device::Trouble::None => {}
        }
        let cohort = COHORTS[number as usize % COHORTS.len()];
        cohorts.push_str(&format!("{id},{cohort}\n"));
        let place = telemetry.join(format!("model={MODEL}/device={id}"));
        fs::create_dir_all(&place).map_err(Failure::write(&place))?;
        for boot in device::boots(plan, number) {
            let mut sheet = Sheet::new(MODEL, &id, boot.number);
            truth.lost += device::run(plan, number, &boot, &mut sheet);
            truth.records += sheet.rows() as u64;
            if let Some(first) = sheet.first_seq() {
                let file = place.join(format!("{}-{first}.parquet", boot.number));
                crate::output::write(&file, &sheet.parquet(&file)?)?;
            }
        }
        each();
    }
    crate::output::write(&folder.join("cohorts.csv"), cohorts.as_bytes())?;
    Ok(truth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_plan_gives_the_same_bytes() {
        let plan = Plan {
            devices: 4,
            days: 2,
            hours: 12,
            seed: 7,
        };
        let dir = tempfile::tempdir().expect("a temporary directory");
        let write = |name: &str| write(&dir.path().join(name), &plan, || ()).expect("a fleet");
        assert_eq!(write("a"), write("b"));
        let device = format!("telemetry/model={MODEL}/device={}", id(7, 0));
        let read = |name: &str| {
            let mut files: Vec<_> = fs::read_dir(dir.path().join(name).join(&device))
                .expect("a folder")
                .map(|e| fs::read(e.expect("an entry").path()).expect("a file"))
                .collect();
            files.sort();
            files
        };
        assert_eq!(read("a"), read("b"));
        assert!(matches!(
            super::write(&dir.path().join("a"), &plan, || ()),
            Err(Failure::Occupied { .. })
        ));
    }
}
