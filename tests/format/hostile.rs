//! Damage without end: every truncation, a hundred thousand flips, with and without a good checksum.

use lacuna::format::{File, Kind, ValueType};
use lacuna::num::Rng;

use crate::models::{Buffer, Form, Model, configs, file, models, seal, with_extras};
use crate::touch::touch;

const FLIPS: usize = if cfg!(miri) { 12 } else { 100_000 };

/// Every configuration in every form, all blocks in.
fn files() -> Vec<Buffer> {
    models(6)
        .take(if cfg!(miri) { 2 } else { usize::MAX })
        .map(|m| Buffer::new(&with_extras(&m.config, |extra| file(&m, extra))))
        .collect()
}

#[test]
fn every_truncation_is_refused() {
    let [plain, ..] = configs();
    let model = Model::new(plain, Form::sparse(ValueType::F32), 6);
    let whole = Buffer::new(&with_extras(&plain, |extra| file(&model, extra)));
    let step = if cfg!(miri) { 97 } else { 1 };
    for len in (0..whole.bytes().len()).step_by(step) {
        let error = File::parse(&whole.bytes()[..len]).expect_err("a part is not a model");
        assert_eq!((error.kind, error.at), (Kind::Truncated, len));
        if len < 16 {
            continue;
        }
        // The same cut by someone who then mends length and checksum.
        let mut cut = Buffer::new(&whole.bytes()[..len]);
        cut.bytes_mut()[12..16].copy_from_slice(&(len as u32).to_le_bytes());
        if len >= 20 {
            seal(cut.bytes_mut());
        }
        let error = File::parse(cut.bytes()).expect_err("a part is not a model");
        assert!(error.at <= len, "{error}");
    }
}

#[test]
fn flips_without_a_checksum_are_refused() {
    let mut files = files();
    let mut rng = Rng::new(11);
    for round in 0..FLIPS {
        let n = files.len();
        let bytes = files[round % n].bytes_mut();
        let at = rng.next_u32() as usize % bytes.len();
        let bit = 1 << (rng.next_u32() % 8);
        bytes[at] ^= bit;
        let error = File::parse(bytes).expect_err("a flip anywhere shows");
        assert!(error.at <= bytes.len());
        bytes[at] ^= bit;
    }
    for file in &files {
        File::parse(file.bytes()).expect("every flip was taken back");
    }
}

/// A value that tends to break arithmetic, or any.
fn nasty(rng: &mut Rng) -> u32 {
    let values = [
        0,
        1,
        2,
        63,
        64,
        0xff,
        0x7fff_ffff,
        0x8000_0000,
        u32::MAX - 3,
        u32::MAX,
    ];
    match rng.next_u32() % 12 {
        i @ 0..10 => values[i as usize],
        _ => rng.next_u32(),
    }
}

#[test]
fn flips_with_a_good_checksum_are_refused_or_harmless() {
    let mut files = files();
    let mut rng = Rng::new(12);
    let (mut refused, mut harmless) = (0, 0);
    for round in 0..FLIPS {
        let n = files.len();
        let bytes = files[round % n].bytes_mut();
        let before = bytes.to_vec();
        for _ in 0..1 + rng.next_u32() % 3 {
            // Half of the damage goes into header and directories, where one byte steers many.
            let len = match rng.next_u32() % 2 {
                0 => bytes.len(),
                _ => 700.min(bytes.len()),
            };
            let at = rng.next_u32() as usize % len;
            match rng.next_u32() % 4 {
                0 => bytes[at] = nasty(&mut rng) as u8,
                1 if at + 4 <= len => {
                    let at = at / 4 * 4;
                    bytes[at..at + 4].copy_from_slice(&nasty(&mut rng).to_le_bytes());
                }
                _ => bytes[at] ^= 1 << (rng.next_u32() % 8),
            }
        }
        // Length stays true: a wrong one would hide everything behind it.
        let len = bytes.len() as u32;
        bytes[..12].copy_from_slice(&before[..12]);
        bytes[12..16].copy_from_slice(&len.to_le_bytes());
        seal(bytes);
        match File::parse(bytes) {
            Ok(file) => {
                harmless += 1;
                touch(&file);
            }
            Err(error) => {
                refused += 1;
                assert!(error.at <= bytes.len(), "{error}");
            }
        }
        bytes.copy_from_slice(&before);
    }
    assert!(
        refused > FLIPS / 10 && harmless > FLIPS / 20,
        "{refused} refused, {harmless} harmless"
    );
}
