//! A page as Chromium sees it, without a window: a picture of it, or what became of its document.
//!
//! # Invariants
//! - The browser gets a profile of its own in a temporary directory, and no network is needed.
//! - It is stopped after [`PATIENCE`].
//!
//! # Why
//! A report is a picture for people who do not run commands; and a test that only looks for strings in HTML would pass on
//! a page that shows nothing.

use core::time::Duration;
use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::failure::Failure;

/// Longest time a page may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Names under which Chromium is installed.
const NAMES: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];

/// A browser that runs without a window.
#[derive(Clone, Debug)]
pub struct Browser(PathBuf);

impl Browser {
    /// The one named in `LACUNA_CHROMIUM`, or else the first of the usual names on `PATH`.
    ///
    /// # Errors
    /// [`Failure::NoBrowser`].
    pub fn find() -> Result<Self, Failure> {
        if let Some(named) = env::var_os("LACUNA_CHROMIUM") {
            return Ok(Self(named.into()));
        }
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .flat_map(|dir| NAMES.map(|name| dir.join(name)))
            .find(|file| file.is_file())
            .map(Self)
            .ok_or(Failure::NoBrowser)
    }

    /// Writes a picture of `page` to `png`, `width` × `height` pixels.
    ///
    /// # Errors
    /// A browser that does not start, does not end or writes nothing.
    pub fn screenshot(
        &self,
        page: &Path,
        png: &Path,
        width: u32,
        height: u32,
    ) -> Result<(), Failure> {
        let profile = profile()?;
        let picture = profile.path().join("page.png");
        let mut option = std::ffi::OsString::from("--screenshot=");
        option.push(&picture);
        self.run(
            profile.path(),
            |c| {
                c.arg(option)
                    .arg(format!("--window-size={width},{height}"))
                    .arg("--hide-scrollbars");
            },
            page,
        )?;
        let bytes = fs::read(&picture).map_err(|_| self.failed("it wrote no picture"))?;
        crate::output::write(png, &bytes)
    }

    /// The document of `page` after it was laid out, as HTML.
    ///
    /// # Errors
    /// As [`Browser::screenshot`].
    pub fn dom(&self, page: &Path) -> Result<String, Failure> {
        let profile = profile()?;
        self.run(
            profile.path(),
            |c| {
                c.arg("--dump-dom");
            },
            page,
        )
    }

    fn run(
        &self,
        profile: &Path,
        options: impl FnOnce(&mut Command),
        page: &Path,
    ) -> Result<String, Failure> {
        let page = std::path::absolute(page).map_err(|e| self.failed(&e.to_string()))?;
        let mut address = std::ffi::OsString::from("file://");
        address.push(page);
        let (said, complaints) = (profile.join("stdout"), profile.join("stderr"));
        let file = |path: &Path| File::create(path).map_err(Failure::write(path));
        let mut data = std::ffi::OsString::from("--user-data-dir=");
        data.push(profile.join("profile"));
        let mut command = Command::new(&self.0);
        // Containers and CI run as root, where the sandbox does not start; the page is ours and loads nothing.
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .args([
                "--no-first-run",
                "--disable-extensions",
                "--disable-background-networking",
            ])
            .arg(data);
        options(&mut command);
        let mut child = command
            .arg(address)
            .stdin(Stdio::null())
            .stdout(file(&said)?)
            .stderr(file(&complaints)?)
            .spawn()
            .map_err(|e| self.failed(&e.to_string()))?;
        let begun = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if begun.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(20)),
                Ok(None) | Err(_) => {
                    // Either may fail because it has ended by itself just now.
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(self.failed("it did not end in time"));
                }
            }
        };
        if !status.success() {
            let text = read(&complaints);
            let last = text.lines().last().unwrap_or("it said nothing");
            return Err(self.failed(last));
        }
        Ok(read(&said))
    }

    fn failed(&self, why: &str) -> Failure {
        Failure::Browser {
            browser: self.0.clone(),
            why: why.to_owned(),
        }
    }
}

fn profile() -> Result<tempfile::TempDir, Failure> {
    tempfile::tempdir().map_err(Failure::write(&env::temp_dir()))
}

/// What a program said, as far as it is text.
fn read(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        // What was read before an error is still what it said.
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
