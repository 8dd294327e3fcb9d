//! Which device belongs to which group: a site, a batch, an update ring.
//!
//! ```text
//! cohorts.csv    device,cohort            cohorts.toml   [cohorts]
//!                00f1…,field-north                       field-north = ["00f1…", "00f2…"]
//! ```
//!
//! # Invariants
//! - A device is in one cohort; the second mention of it is an error that names the line.
//! - Devices that the file does not name are in the cohort [`OTHER`].

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::StringArray;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;

use crate::failure::Failure;

/// The cohort of devices that the file does not name.
pub const OTHER: &str = "other";
/// The cohort of all devices where there is no file.
pub const ALL: &str = "all";

/// Devices and their cohorts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cohorts(BTreeMap<String, String>);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cohorts: BTreeMap<String, Vec<String>>,
}

impl Cohorts {
    /// Reads a `.toml` file, or else lines of `device,cohort`.
    ///
    /// # Errors
    /// A file that cannot be read, a line that is not understood, a device named twice.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let wrong = |line: Option<usize>, why: String| Failure::Cohorts {
            path: path.to_owned(),
            line,
            why,
        };
        let text = fs::read_to_string(path).map_err(|e| wrong(None, e.to_string()))?;
        if path.extension().is_some_and(|e| e == "toml") {
            let file: File = toml::from_str(&text).map_err(|e| {
                let line = e.span().map(|s| text[..s.start].lines().count().max(1));
                wrong(line, e.message().to_owned())
            })?;
            let mut cohorts = Self::default();
            for (cohort, devices) in file.cohorts {
                for device in devices {
                    cohorts.put(&device, &cohort).map_err(|e| wrong(None, e))?;
                }
            }
            return Ok(cohorts);
        }
        let mut cohorts = Self::default();
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || (i == 0 && line.starts_with("device")) {
                continue;
            }
            let put = match line.split_once(',') {
                Some((device, cohort)) => cohorts.put(device.trim(), cohort.trim()),
                None => Err(format!("{line:?} has no comma")),
            };
            put.map_err(|e| wrong(Some(i + 1), e))?;
        }
        Ok(cohorts)
    }

    /// Puts `device` (16 hexadecimal digits) into `cohort`.
    ///
    /// # Errors
    /// A device that is not one, or is in a cohort already; a cohort without a name.
    pub fn put(&mut self, device: &str, cohort: &str) -> Result<(), String> {
        if device.len() != 16 || !device.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("{device:?} is no device: 16 hexadecimal digits"));
        }
        if cohort.is_empty() {
            return Err(format!("device {device} has a cohort without a name"));
        }
        match self
            .0
            .insert(device.to_ascii_lowercase(), cohort.to_owned())
        {
            Some(first) => Err(format!("device {device} is in {first:?} already")),
            None => Ok(()),
        }
    }

    /// Device and cohort, by device.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(d, c)| (d.as_str(), c.as_str()))
    }

    pub(crate) fn batch(&self) -> Result<RecordBatch, ArrowError> {
        let schema = Schema::new(vec![
            Field::new("device", DataType::Utf8, false),
            Field::new("cohort", DataType::Utf8, false),
        ]);
        let devices = StringArray::from_iter_values(self.0.keys());
        let cohorts = StringArray::from_iter_values(self.0.values());
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(devices), Arc::new(cohorts)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Cohorts, String> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join(name);
        fs::write(&path, text).expect("a file");
        Cohorts::read(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn both_forms_say_the_same() {
        let csv = "device,cohort\n00000000000000AA, north\n\n# spare\n00000000000000ab,south\n";
        let toml = "[cohorts]\nnorth = [\"00000000000000aa\"]\nsouth = [\"00000000000000ab\"]\n";
        assert_eq!(read("c.csv", csv), read("c.toml", toml));
        assert_eq!(read("c.csv", csv).map(|c| c.iter().count()), Ok(2));
    }

    #[test]
    fn errors_name_the_line() {
        let says = |name: &str, text: &str, words: &str| {
            let said = read(name, text).expect_err("an error");
            assert!(said.contains(words), "{said}");
        };
        says(
            "c.csv",
            "device,cohort\n00aa,x\n",
            "line 2: \"00aa\" is no device",
        );
        says("c.csv", "00000000000000aa north\n", "line 1");
        says(
            "c.csv",
            "00000000000000aa,x\n00000000000000aa,y\n",
            "line 2: device",
        );
        says("c.toml", "[cohorts]\nnorth = 3\n", "line 2");
    }
}
