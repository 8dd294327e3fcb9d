use std::fs;

use super::trigram::Trigram;
use super::*;

fn documents(n: usize) -> Vec<Document> {
    let document = |i: usize| Document {
        name: format!("d{i}"),
        bytes: format!("text of document {i}\n").repeat(20).into_bytes(),
        part: None,
    };
    (0..n).map(document).collect()
}

#[test]
fn split_depends_on_names_and_seed_alone() {
    let mut backwards = documents(50);
    backwards.reverse();
    let (a, b) = (Corpus::split(documents(50), 1), Corpus::split(backwards, 1));
    assert_eq!(
        (&a.train, &a.validation, &a.test, &a.id),
        (&b.train, &b.validation, &b.test, &b.id)
    );
    assert_ne!(a.validation, Corpus::split(documents(50), 2).validation);
    let held_out = |c: &Corpus| c.documents[1] + c.documents[2];
    assert!((1..15).contains(&held_out(&a)), "{:?}", a.documents);
    let more = Corpus::split(documents(60), 1);
    assert!(held_out(&more) >= held_out(&a), "a document changed sides");
    assert_eq!(super::held_out(documents(50), 1).len(), held_out(&a));
}

#[test]
fn two_documents_are_one_each() {
    for seed in 0..20 {
        assert_eq!(Corpus::split(documents(2), seed).documents, [1, 1, 0]);
    }
}

#[test]
fn windows_are_within_the_data_and_do_not_overlap() {
    let corpus = Corpus::split(documents(50), 1);
    let all = corpus.windows(16, usize::MAX).unwrap();
    assert!(all.windows(2).all(|w| w[0].end == w[1].start + 1));
    assert!(
        all.iter()
            .all(|w| w.len() == 17 && w.end <= corpus.validation.len())
    );
    assert_eq!(corpus.windows(16, 3).unwrap().len(), 3);
    assert!(matches!(
        corpus.windows(1 << 20, 1),
        Err(Error::Short { .. })
    ));
}

#[test]
fn sequences_depend_on_seed_and_step() {
    let stream: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let draw = |seed, step| {
        Sampler::new(&stream, 8, seed)
            .unwrap()
            .sequence(step, 0)
            .to_vec()
    };
    assert_eq!(draw(1, 2), draw(1, 2));
    assert_ne!(draw(1, 2), draw(1, 3));
    assert_ne!(draw(1, 2), draw(2, 2));
    assert_eq!(draw(1, 2).len(), 9);
    assert!(Sampler::new(&stream[..8], 8, 0).is_err());
}

#[test]
fn files_are_found_cut_and_refused() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("a.txt");
    fs::write(&text, "line\n".repeat(5000)).unwrap();
    let one = Corpus::load(&Source::Paths(vec![text.clone()]), 0).unwrap();
    assert!(
        one.documents[0] > 0 && one.documents[1] > 0,
        "{:?}",
        one.documents
    );
    let binary = dir.path().join("b.bin");
    fs::write(&binary, b"ab\0c").unwrap();
    let refused = Corpus::load(&Source::Paths(vec![binary]), 0);
    assert!(matches!(refused, Err(Error::Binary { at: 2, .. })));
    let directory = Source::Paths(vec![dir.path().to_owned()]);
    assert_eq!(
        Corpus::load(&directory, 0)
            .unwrap()
            .train
            .iter()
            .filter(|&&b| b == 0)
            .count(),
        one.documents[0]
    );
    let nothing = Source::Paths(vec![dir.path().join("none")]);
    assert!(matches!(Corpus::load(&nothing, 0), Err(Error::Read { .. })));
}

#[test]
fn trigram_probabilities_sum_to_one_and_learn() {
    let text: Vec<u8> = b"abcabcabd".repeat(50);
    let model = Trigram::train(&text);
    for (a, b) in [(b'a', b'b'), (b'z', b'b'), (b'z', b'z')] {
        let total: f64 = (0..=255).map(|c| model.probability(a, b, c)).sum();
        assert!((total - 1.0).abs() < 1e-9, "{total}");
    }
    assert!(model.probability(b'a', b'b', b'c') > 0.6);
    let windows: Vec<_> = (0..10).map(|i| i * 20..i * 20 + 21).collect();
    let bits = model.bits_per_byte(&text, &windows);
    assert!(bits > 0.1 && bits < 0.6, "{bits}");
}

#[test]
fn pinned_crates_are_those_of_the_lock_file() {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap();
    for c in CRATES {
        let entry = format!("name = \"{}\"\nversion = \"{}\"\n", c.name, c.version);
        assert!(lock.contains(&entry), "{} {}", c.name, c.version);
    }
}

#[test]
fn rust_source_is_here_after_a_build() {
    let corpus = Corpus::load(&Source::RustSource, 0).unwrap();
    assert!(corpus.train.len() > 4_000_000 && corpus.validation.len() > 100_000);
    assert!(corpus.test.len() > 100_000);
}

#[test]
fn the_grammar_says_which_part_is_which() {
    let source = Source::named(&["grammar".into()]);
    let (a, b) = (
        Corpus::load(&source, 1).unwrap(),
        Corpus::load(&source, 2).unwrap(),
    );
    assert_eq!((&a.id, &a.test), (&b.id, &b.test));
    assert!(a.train.len() >= 8 << 20 && a.train.len() < 9 << 20);
    let within = 512 << 10..600 << 10;
    assert!(within.contains(&a.validation.len()) && within.contains(&a.test.len()));
    let count = |text: &[u8], name: &[u8]| text.windows(name.len()).filter(|w| *w == name).count();
    assert_eq!(count(&a.train, b".sort(key=lambda "), 0);
    assert!(count(&a.test, b".sort(key=lambda ") > 100 && count(&a.test, b"total") == 0);
    assert_eq!(Source::named(&[]), Source::RustSource);
    assert!(matches!(
        Source::named(&["./grammar".into()]),
        Source::Paths(_)
    ));
}

#[test]
fn half_of_what_is_held_out_is_for_the_test() {
    let corpus = Corpus::split(documents(2000), 3);
    let [_, validation, test] = corpus.documents;
    assert!(
        validation.abs_diff(test) < 50 && validation + test > 150,
        "{validation} {test}"
    );
    assert!(corpus.test_windows(1 << 20, 1).is_empty());
    assert_eq!(corpus.test_windows(16, 5).len(), 5);
}
