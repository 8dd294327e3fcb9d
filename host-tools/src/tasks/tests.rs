use std::collections::BTreeSet;

use super::*;

const SPLITS: [Split; 2] = [Split::Train, Split::HeldOut];

#[test]
fn the_table_is_in_the_order_of_the_tasks() {
    for (i, task) in Task::ALL.into_iter().enumerate() {
        assert_eq!(task as usize, i);
        assert_eq!(Task::named(task.name()), Some(task));
        assert!(task.entry().templates.len() > HELD_OUT);
    }
    let names: BTreeSet<&str> = Task::ALL.map(Task::name).into();
    assert_eq!(names.len(), 20);
    assert_eq!(Task::named("nonsense"), None);
}

#[test]
fn pairs_differ_in_the_cue_and_in_the_answer_alone() {
    for split in SPLITS {
        let tasks = Task::ALL.map(|task| (task.name(), task.pairs(split, 3, 200)));
        for (name, pairs) in tasks.iter().chain([&("nonsense", nonsense(3, 200))]) {
            for Pair { prompt, answer } in pairs {
                assert_ne!(prompt[0], prompt[1], "{name}");
                assert_ne!(answer[0], answer[1], "{name}: {prompt:?}");
                for prompt in prompt {
                    let text = String::from_utf8_lossy(prompt);
                    assert!((2..=127).contains(&prompt.len()), "{name}: {text}");
                    assert!(!text.contains(['$', '«', '¦', '»', '§']), "{name}: {text}");
                    assert!(prompt.is_ascii() && !prompt.contains(&BOS));
                }
            }
        }
    }
}

#[test]
fn pairs_depend_on_task_split_and_seed_alone() {
    let task = Task::VarSwap;
    let some = task.pairs(Split::Train, 1, 10);
    assert_eq!(some, task.pairs(Split::Train, 1, 30)[..10]);
    assert_ne!(some, task.pairs(Split::Train, 2, 10));
    assert_ne!(some, task.pairs(Split::HeldOut, 1, 10));
    let prompts = |split| -> BTreeSet<Vec<u8>> {
        let pairs = Task::ALL.into_iter().flat_map(|t| t.pairs(split, 5, 300));
        pairs.flat_map(|pair| pair.prompt).collect()
    };
    assert!(prompts(Split::Train).is_disjoint(&prompts(Split::HeldOut)));
}

#[test]
fn every_idiom_occurs_in_training_text_with_its_answer() {
    let text = documents(1, Split::Train)
        .take(20_000)
        .collect::<Vec<_>>()
        .concat();
    let text = String::from_utf8(numberless(&text)).unwrap();
    for task in Task::ALL {
        let mut seen = [0, 0];
        for pair in task.pairs(Split::Train, 9, 60) {
            for (i, seen) in seen.iter_mut().enumerate() {
                let whole = [&pair.prompt[i][..], &[pair.answer[i]]].concat();
                *seen += usize::from(find(&text, &numberless(&whole)));
            }
        }
        assert!(seen.iter().all(|&n| n > 0), "{}: {seen:?}", task.name());
    }
}

/// Every number is 0.
fn numberless(text: &[u8]) -> Vec<u8> {
    let mut all = text.to_vec();
    all.iter_mut()
        .filter(|b| b.is_ascii_digit())
        .for_each(|b| *b = b'0');
    all.dedup_by(|a, b| *a == b'0' && *b == b'0');
    all
}

fn find(text: &str, part: &[u8]) -> bool {
    text.contains(str::from_utf8(part).unwrap())
}

#[test]
fn no_text_gives_the_wrong_answer() {
    for split in SPLITS {
        let documents: Vec<Vec<u8>> = documents(2, split).take(3000).collect();
        let python: Vec<&[u8]> = documents
            .iter()
            .map(Vec::as_slice)
            .filter(|d| !d.starts_with(b"use core"))
            .collect();
        assert!(
            python.len() > 2000 && python.len() < 2800,
            "{}",
            python.len()
        );
        let text = String::from_utf8(python.concat()).unwrap();
        for task in Task::ALL {
            for pair in task.pairs(split, 4, 10) {
                for i in 0..2 {
                    let wrong = [&b"\n\n"[..], &pair.prompt[i], &[pair.answer[1 - i]]].concat();
                    let shown = String::from_utf8_lossy(&wrong).into_owned();
                    assert!(!find(&text, &wrong), "{}: {shown}", task.name());
                }
            }
        }
    }
}

#[test]
fn documents_repeat_and_hold_no_zero() {
    let some = |seed, split| documents(seed, split).take(50).collect::<Vec<_>>();
    assert_eq!(some(1, Split::Train), some(1, Split::Train));
    assert_ne!(some(1, Split::Train), some(2, Split::Train));
    assert_ne!(some(1, Split::Train), some(1, Split::HeldOut));
    let all = some(1, Split::Train);
    assert!(
        all.iter()
            .all(|d| d.is_ascii() && !d.contains(&BOS) && d.ends_with(b"\n"))
    );
}
