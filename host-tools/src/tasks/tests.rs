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

/// `text` with every name as `_` and every number as 0.
fn shape(text: &[u8]) -> String {
    let mut shape = String::new();
    for word in text.chunk_by(|a, b| {
        (a.is_ascii_alphabetic() && b.is_ascii_alphabetic())
            || (a.is_ascii_digit() && b.is_ascii_digit())
    }) {
        let word = str::from_utf8(word).unwrap();
        match word {
            name if words::is_name(name) => shape.push('_'),
            number if number.starts_with(|c: char| c.is_ascii_digit()) => shape.push('0'),
            other => shape.push_str(other),
        }
    }
    shape
}

/// The answer in a shape; nothing where it begins a name.
fn ending(task: Task, answer: u8) -> Option<char> {
    let names = [
        Task::VarSwap,
        Task::ClassInit,
        Task::FstringBrace,
        Task::IndentFor,
    ];
    (!answer.is_ascii_alphabetic() || !names.contains(&task)).then_some(answer.into())
}

#[test]
fn every_idiom_occurs_in_training_text_with_its_answer() {
    let text = shape(
        &documents(1, Split::Train)
            .take(4000)
            .collect::<Vec<_>>()
            .concat(),
    );
    for task in Task::ALL {
        let mut seen = [0, 0];
        for pair in task.pairs(Split::Train, 9, 40) {
            for (i, seen) in seen.iter_mut().enumerate() {
                let mut whole = shape(&pair.prompt[i]);
                whole.extend(ending(task, pair.answer[i]));
                *seen += usize::from(text.contains(&whole));
            }
        }
        assert!(seen.iter().all(|&n| n > 20), "{}: {seen:?}", task.name());
    }
}

#[test]
fn no_text_gives_the_wrong_answer() {
    for split in [Split::Train, Split::HeldOut] {
        let documents: Vec<Vec<u8>> = documents(2, split).take(3000).collect();
        let python = documents.iter().filter(|d| !d.starts_with(b"use core"));
        let python: Vec<Vec<u8>> = python.cloned().collect();
        assert!((2000..2800).contains(&python.len()), "{}", python.len());
        let text = shape(&python.concat());
        for task in Task::ALL {
            for pair in task.pairs(split, 4, 20) {
                for i in 0..2 {
                    let Some(wrong) = ending(task, pair.answer[1 - i]) else {
                        continue;
                    };
                    let wrong = format!("\n\n{}{wrong}", shape(&pair.prompt[i]));
                    assert!(!text.contains(&wrong), "{}: {wrong}", task.name());
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
