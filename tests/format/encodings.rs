//! Payloads of every encoding, damaged one number at a time: what is refused, and at which byte.

use lacuna::format::schema::Id;
use lacuna::format::{Encoding, Entry, Extra, File, Kind, ValueType};
use lacuna::kernels::IsaName;
use lacuna::sparse::{self, Major};

use crate::models::{Buffer, Form, Model, configs, file, seal};
use crate::touch::touch;

/// A file with every matrix in `form`, and the line of its first matrix of kind `Matrix`.
fn subject(form: Form) -> (Buffer, Entry) {
    let [plain, ..] = configs();
    let bytes = Buffer::new(&file(
        &Model::new(plain, form, 21),
        &Extra::new(0, IsaName::Portable),
    ));
    let entry = File::parse(bytes.bytes())
        .expect("a model")
        .entries()
        .find(|e| e.tensor.id == Id::W1)
        .expect("every model has one");
    assert_eq!(
        (entry.encoding, entry.value, entry.major),
        (form.encoding, form.value, form.major)
    );
    (bytes, entry)
}

/// What the reader says with `new` at byte `at`, checksum made good.
fn with(bytes: &mut Buffer, at: usize, new: &[u8]) -> Result<(), (Kind, usize)> {
    let old = bytes.bytes()[at..at + new.len()].to_vec();
    bytes.bytes_mut()[at..at + new.len()].copy_from_slice(new);
    seal(bytes.bytes_mut());
    let said = File::parse(bytes.bytes()).map(|f| touch(&f));
    bytes.bytes_mut()[at..at + new.len()].copy_from_slice(&old);
    said.map_err(|e| (e.kind, e.at))
}

/// Little-endian bits that no matrix may store.
fn forbidden(value: ValueType) -> &'static [u8] {
    match value {
        ValueType::F32 => &[0, 0, 0x80, 0xff],
        ValueType::F16 => &[0, 0x7c],
        _ => &[0x80],
    }
}

/// Every stored value that may not be is found, at its own byte: as many places as there are stored elements.
#[test]
fn every_value_is_checked_and_placed() {
    for form in Form::all().step_by(if cfg!(miri) { 5 } else { 1 }) {
        let (mut bytes, entry) = subject(form);
        let bad = forbidden(form.value);
        let width = bad.len();
        let mut found = 0;
        for at in (entry.offset..entry.offset + entry.len).step_by(width) {
            if let Err((Kind::Matrix(sparse::Kind::Value), place)) = with(&mut bytes, at, bad)
                && place == at
            {
                found += 1;
            }
        }
        assert_eq!(found, entry.nnz, "{form:?}");
    }
}

/// Any byte of a payload, changed, is refused with a place inside the payload, or gives a matrix that holds together.
#[test]
fn every_byte_of_a_payload_is_accounted_for() {
    let step = if cfg!(miri) { 97 } else { 1 };
    for form in Form::all().step_by(if cfg!(miri) { 5 } else { 1 }) {
        let (mut bytes, entry) = subject(form);
        for at in (entry.offset..entry.offset + entry.len).step_by(step) {
            for flip in [1, 0x10, 0x80, 0xff] {
                let new = bytes.bytes()[at] ^ flip;
                if let Err((kind, place)) = with(&mut bytes, at, &[new]) {
                    let inside = entry.offset..entry.offset + entry.len;
                    assert!(inside.contains(&place), "{form:?} {at}: {kind:?} {place}");
                }
            }
        }
    }
}

/// Row starts: the wrong end, and a start behind the next.
#[test]
fn row_starts() {
    let starts = |e: Encoding| {
        matches!(
            e,
            Encoding::CsrU16 | Encoding::CsrU8Gap | Encoding::NibbleGap
        )
    };
    for form in Form::all().filter(|f| starts(f.encoding)) {
        let (mut bytes, entry) = subject(form);
        let rows = match form.major {
            Major::Output => entry.tensor.rows,
            Major::Input => entry.tensor.cols,
        };
        let (first, last) = (entry.offset, entry.offset + 4 * rows);
        let said = with(&mut bytes, last, &u32::MAX.to_le_bytes());
        let Err((Kind::Matrix(sparse::Kind::Indptr | sparse::Kind::Length), _)) = said else {
            panic!("{form:?}: {said:?}")
        };
        let said = with(&mut bytes, first + 4, &u32::MAX.to_le_bytes());
        assert_eq!(
            said,
            Err((Kind::Matrix(sparse::Kind::Order), first + 4)),
            "{form:?}"
        );
    }
}

/// A count of elements that no payload of the encoding has.
#[test]
fn counts() {
    for form in Form::all() {
        let (bytes, entry) = subject(form);
        let line = 192 + 20 * place_of(&bytes, &entry);
        let count = entry.nnz as u32;
        for nnz in [0, count / 2, count + 1, count - 1, u32::MAX] {
            let said = with(&mut bytes.clone(), line + 16, &nnz.to_le_bytes());
            // One more or less may only move bytes of int8 between values and padding, which is seen there.
            let near = form.value == ValueType::I8 && nnz.abs_diff(count) == 1;
            assert!(
                near && said.is_err() || said == Err((Kind::Size, line + 12)),
                "{form:?} {nnz}: {said:?}"
            );
        }
    }
}

fn place_of(bytes: &Buffer, entry: &Entry) -> usize {
    let file = File::parse(bytes.bytes()).expect("a model");
    file.entries()
        .position(|e| e == *entry)
        .expect("a line of this file")
}
