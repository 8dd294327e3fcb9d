//! The architecture as a test: floors, short files, unsafe rooms, door signs, nothing left open.

use std::fs;
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 400;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file below `dir`, build outputs and dot-folders left out.
fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else {
        return found;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && !name.to_string_lossy().starts_with('.') {
                found.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The text without line comments and without everything from the first test module on.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    text.lines()
        .map(|l| l.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Modules of a crate in floor order, ground first, as its `lib.rs` lists them.
fn floors(lib: &Path) -> Vec<String> {
    read(lib)
        .lines()
        .filter_map(|l| {
            l.strip_prefix("pub mod ")
                .or_else(|| l.strip_prefix("mod "))
        })
        .map(|l| l.trim_end_matches(';').to_string())
        .collect()
}

/// Names that follow `crate::` in `code`, also inside one level of braces.
fn reached(code: &str) -> Vec<String> {
    let ident = |s: &str| {
        s.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(ident(rest));
            continue;
        };
        let (mut depth, mut start) = (1, true);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => start = true,
                c if depth == 1 && start && (c.is_alphabetic() || c == '_') => {
                    names.push(ident(&group[i..]));
                    start = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

fn floor_violations(src: &Path) -> Vec<String> {
    let floors = floors(&src.join("lib.rs"));
    assert!(floors.len() > 3, "{}: found no floors", src.display());
    let height = |name: &str| floors.iter().position(|f| f == name);
    let mut wrong = Vec::new();
    for path in rust_files(src) {
        let inside = path.strip_prefix(src).expect("listed below src");
        let first = inside
            .components()
            .next()
            .expect("a file")
            .as_os_str()
            .to_string_lossy()
            .into_owned();
        let room = first.trim_end_matches(".rs").to_string();
        let Some(own) = height(&room) else { continue };
        for name in reached(&code(&read(&path))) {
            match height(&name) {
                Some(other) if other > own => wrong.push(format!(
                    "{}: `{room}` (floor {own}) looks up to `{name}` (floor {other})",
                    shown(&path)
                )),
                Some(_) => {}
                // A capital letter is a re-export of the crate root, which hides the floor it comes from.
                None if name.starts_with(char::is_uppercase) => {
                    wrong.push(format!(
                        "{}: reaches `{name}` through a re-export",
                        shown(&path)
                    ));
                }
                None => {}
            }
        }
    }
    wrong
}

#[test]
fn modules_only_look_down() {
    let mut wrong = floor_violations(&root().join("src"));
    if root().join("host-tools/src/lib.rs").exists() {
        wrong.extend(floor_violations(&root().join("host-tools/src")));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_floor_check_sees_what_is_reached() {
    assert_eq!(
        reached("use crate::{a::B, c::{d, e}}; crate::f::g()"),
        ["a", "c", "f"]
    );
    assert_eq!(reached("$crate::hidden"), [""; 0]);
}

#[test]
fn files_are_short() {
    let long: Vec<_> = rust_files(&root())
        .into_iter()
        .map(|p| (read(&p).lines().count(), p))
        .filter(|(n, _)| *n > MAX_LINES)
        .map(|(n, p)| format!("{} has {n} lines, the most is {MAX_LINES}", shown(&p)))
        .collect();
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

#[test]
fn unsafe_lives_in_isa_files_and_boards() {
    let allowed = |p: &str| {
        (p.starts_with("src/kernels/") && !p.ends_with("mod.rs") && !p.ends_with("portable.rs"))
            || (p.starts_with("targets/") && !p.starts_with("targets/harness/"))
            || p.starts_with("benches/peers/src/foreign/")
            || p == "tests/tidy.rs"
    };
    let mut wrong = Vec::new();
    for path in rust_files(&root()) {
        let code = code(&read(&path));
        let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        if words.any(|w| w == "unsafe") && !allowed(&shown(&path)) {
            wrong.push(shown(&path));
        }
    }
    assert!(wrong.is_empty(), "unsafe outside its rooms: {wrong:?}");
}

#[test]
fn nothing_is_left_open() {
    let open = [
        "todo!",
        "unimplemented!",
        "#[ignore",
        "dbg!",
        "FIXME",
        "TODO",
        "XXX",
    ];
    let mut wrong = Vec::new();
    for path in rust_files(&root())
        .iter()
        .filter(|p| shown(p) != "tests/tidy.rs")
    {
        for (i, line) in read(path).lines().enumerate() {
            if open.iter().any(|o| line.contains(o)) {
                wrong.push(format!("{}:{}: {}", shown(path), i + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_room_has_a_door_sign() {
    let mut wrong = Vec::new();
    for crate_src in ["src", "host-tools/src"] {
        for path in rust_files(&root().join(crate_src)) {
            let text = read(&path);
            let sign: String = text
                .lines()
                .take_while(|l| l.starts_with("//!"))
                .collect::<Vec<_>>()
                .join("\n");
            let is_door = path.file_name().is_some_and(|n| n == "mod.rs");
            if is_door && !(sign.contains("# Invariants") && sign.contains("# Why")) {
                wrong.push(format!(
                    "{}: the door sign needs `# Invariants` and `# Why`",
                    shown(&path)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn rooms_have_names_that_say_something() {
    let nowhere = [
        "utils", "util", "common", "helpers", "helper", "prelude", "misc", "types", "error",
    ];
    let wrong: Vec<_> = rust_files(&root())
        .iter()
        .map(|p| shown(p))
        .filter(|p| p.split(['/', '.']).any(|part| nowhere.contains(&part)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn boards_are_thin() {
    let mut wrong = Vec::new();
    let Ok(boards) = fs::read_dir(root().join("targets")) else {
        return;
    };
    for board in boards.flatten() {
        for path in rust_files(&board.path())
            .iter()
            .filter(|p| p.ends_with("main.rs") || p.parent().is_some_and(|d| d.ends_with("bin")))
        {
            let n = read(path).lines().count();
            if n > 40 {
                wrong.push(format!(
                    "{} has {n} lines, a board's main has at most 40",
                    shown(path)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn hooks_and_topk_sites_cover_each_other() {
    use lacuna::probe::Hook;
    let config = read(&root().join("src/config.rs"));
    let fields = config
        .split("pub struct TopK {")
        .nth(1)
        .and_then(|t| t.split("\n}").next())
        .expect("TopK in src/config.rs")
        .lines()
        .filter_map(|l| {
            l.trim()
                .strip_prefix("pub ")?
                .split(':')
                .next()
                .map(String::from)
        })
        .collect::<Vec<_>>();
    let sites: Vec<_> = Hook::ALL.iter().filter_map(|h| h.topk_site()).collect();
    assert_eq!(fields, sites, "one hook for each AbsTopK site, in order");
}
