//! `cargo lacuna` and `cargo test --workspace` share one compilation of burn: the same features for everything under it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Packages and their features, as `cargo tree` with `args` resolves them.
fn features(args: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--prefix",
            "none",
            "-f",
            "{p} [{f}]",
        ])
        .args(args)
        .current_dir(root)
        .output()
        .expect("cargo runs");
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&tree.stdout).lines() {
        let line = line.trim_end_matches(" (*)");
        if let Some((package, features)) = line.rsplit_once(" [") {
            let features = features.trim_end_matches(']').to_owned();
            packages
                .entry(package.to_owned())
                .or_default()
                .insert(features);
        }
    }
    packages
}

#[test]
fn the_workspace_asks_nothing_more_of_burn() {
    let under_burn = features(&["-p", "burn", "-e", "normal,build"]);
    let tools = features(&["-p", "lacuna-tools", "-e", "normal,build"]);
    let workspace = features(&["--workspace", "-e", "normal,build,dev"]);
    assert!(under_burn.len() > 50 && tools.len() > under_burn.len());
    let differ: Vec<String> = under_burn
        .keys()
        .filter(|package| tools.get(*package) != workspace.get(*package))
        .map(|p| {
            format!(
                "{p}: {:?} and in the workspace {:?}",
                tools.get(p),
                workspace.get(p)
            )
        })
        .collect();
    assert!(
        differ.is_empty(),
        "name these features in host-tools/Cargo.toml, or burn is compiled twice:\n{}",
        differ.join("\n")
    );
}
