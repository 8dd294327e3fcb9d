//! The report as a browser shows it. Skipped, saying so, where there is no Chromium; with LACUNA_REQUIRE_ALL it fails then.

mod fleet;

use std::fs;

use fleet::{Invented, wait};
use lacuna_fleet::browser::Browser;
use lacuna_fleet::demo::Plan;
use lacuna_fleet::engine::Fleet;
use lacuna_fleet::failure::Failure;
use lacuna_fleet::report::Report;

fn browser() -> Option<Browser> {
    match Browser::find() {
        Ok(browser) => Some(browser),
        Err(e) if std::env::var_os("LACUNA_REQUIRE_ALL").is_some() => {
            panic!("{e}; next: {}", e.next_step().unwrap_or_default())
        }
        Err(e) => {
            println!("skipped: {e}");
            None
        }
    }
}

/// Width and height in the header of a PNG file.
fn size(png: &[u8]) -> Option<[u32; 2]> {
    let header = png.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(8..16)?;
    let number = |at: usize| {
        header
            .get(at..at + 4)?
            .try_into()
            .ok()
            .map(u32::from_be_bytes)
    };
    Some([number(0)?, number(4)?])
}

#[test]
fn chromium_shows_the_report() {
    let Some(browser) = browser() else { return };
    let invented = Invented::new(&Plan {
        devices: 24,
        days: 8,
        hours: 6,
        seed: 2,
    });
    let report = wait(async {
        let fleet = Fleet::open(&invented.settings(true)).await?;
        // A name that would break the page if it were not escaped.
        Report::of(&fleet, "<b>greenhouse & sons".to_owned(), 86_400_000).await
    });
    let page = invented.path("report.html");
    fs::write(&page, report.html().expect("a page")).expect("a file");

    let dom = browser.dom(&page).expect("Chromium lays the page out");
    for text in [
        "<h1>Fleet report</h1>",
        "&lt;b&gt;greenhouse &amp; sons",
        "<h2>Alarms over time</h2>",
        "<h2>Drift</h2>",
        "field-south",
        &invented.truth.saturated,
        "blocks.0.mlp.hook_post",
        "unembed.hook_logits",
    ] {
        assert!(dom.contains(text), "the page lacks {text:?}");
    }
    let rows = dom.matches("<tr>").count();
    assert!(rows > 36 + 36 + 3, "{rows} rows");
    // Alarms, the odd device, and at least one course, each with dots or bars in it.
    assert!(
        dom.matches("<svg").count() >= 3,
        "{} plots",
        dom.matches("<svg").count()
    );
    assert!(dom.matches("<circle").count() > 24 && dom.matches("<rect").count() > 8);

    let picture = invented.path("report.png");
    browser
        .screenshot(&page, &picture, 1100, 1600)
        .expect("a picture");
    let png = fs::read(&picture).expect("a file");
    assert_eq!(size(&png), Some([1100, 1600]));
    // An empty page of this size compresses to under ten kilobytes.
    assert!(
        png.len() > 40_000,
        "{} bytes: the picture is all but empty",
        png.len()
    );
}

#[test]
fn a_browser_that_is_none_is_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let page = dir.path().join("p.html");
    fs::write(&page, "<p>x").expect("a file");
    // Through the program: the environment of this process is shared between tests.
    let program = |browser: &str| {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_lacuna-fleet"))
            .args(["report", "nowhere", "--out", "r.html", "--png", "r.png"])
            .current_dir(dir.path())
            .env("PATH", browser)
            .env_remove("LACUNA_CHROMIUM")
            .output()
            .expect("lacuna-fleet runs");
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    let said = program("/nonexistent");
    assert!(
        said.contains("no Chromium") && said.contains("apt-get install chromium"),
        "{said}"
    );
    let failure = Failure::NoBrowser;
    assert!(
        failure
            .next_step()
            .is_some_and(|s| s.contains("LACUNA_CHROMIUM"))
    );
}
