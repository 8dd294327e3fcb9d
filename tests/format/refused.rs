//! One wrong thing at a time, with a good checksum, and the name and place it is refused under.

use lacuna::format::{Error, Feature, File, Kind, ValueType, golden, tokenizer};
use lacuna::sparse;

use crate::models::{Buffer, Form, Model, configs, file, sealed, with_extras};

const DIRECTORY: usize = 192;

fn good() -> Vec<u8> {
    let [plain, ..] = configs();
    let model = Model::new(plain, Form::sparse(ValueType::I8), 5);
    with_extras(&plain, |extra| file(&model, extra))
}

fn parse(bytes: &[u8]) -> Result<(), Error> {
    File::parse(Buffer::new(bytes).bytes()).map(drop)
}

/// The error after `change`, checksum made good.
fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> (Kind, usize) {
    let mut bytes = good();
    change(&mut bytes);
    let error = parse(&sealed(bytes)).expect_err("a wrong file");
    assert!(!error.to_string().is_empty());
    (error.kind, error.at)
}

pub(crate) fn put(at: usize, new: &[u8]) -> impl FnOnce(&mut Vec<u8>) {
    move |bytes| bytes[at..at + new.len()].copy_from_slice(new)
}

pub(crate) fn put_u32(at: usize, n: u32) -> impl FnOnce(&mut Vec<u8>) {
    move |bytes| bytes[at..at + 4].copy_from_slice(&n.to_le_bytes())
}

/// Offset and length of the payload of tensor `i`.
fn payload(i: usize) -> (usize, usize) {
    let buffer = Buffer::new(&good());
    let entry = File::parse(buffer.bytes())
        .expect("a model")
        .entries()
        .nth(i)
        .expect("a tensor");
    (entry.offset, entry.len)
}

fn block(i: usize) -> (usize, usize) {
    let buffer = Buffer::new(&good());
    let block = File::parse(buffer.bytes())
        .expect("a model")
        .blocks()
        .nth(i)
        .expect("a block");
    (block.offset, block.len)
}

fn blocks_at() -> usize {
    let buffer = Buffer::new(&good());
    DIRECTORY
        + 20 * File::parse(buffer.bytes())
            .expect("a model")
            .entries()
            .count()
}

#[test]
fn header() {
    assert_eq!(refusal(put(3, b"X")), (Kind::Magic, 3));
    assert_eq!(refusal(put_u32(8, 2)), (Kind::Version, 8));
    let mut bytes = good();
    bytes[1000] ^= 1;
    assert_eq!(
        parse(&bytes).map_err(|e| (e.kind, e.at)),
        Err((Kind::Checksum, 16))
    );
    assert_eq!(
        parse(&[]).map_err(|e| (e.kind, e.at)),
        Err((Kind::Truncated, 0))
    );
    for len in [0, 191, u32::MAX] {
        let error = parse(&{
            let mut bytes = good();
            bytes[12..16].copy_from_slice(&len.to_le_bytes());
            bytes
        });
        let kind = error.expect_err("a wrong length").kind;
        assert!(
            matches!(kind, Kind::Length | Kind::Truncated),
            "{len}: {kind:?}"
        );
    }
    let longer = [&good()[..], &[0]].concat();
    assert_eq!(
        parse(&longer).map_err(|e| (e.kind, e.at)),
        Err((Kind::Length, longer.len() - 1))
    );
    assert_eq!(refusal(put(20, &[200, 0])), (Kind::Directory, 20));
}

#[test]
fn unaligned_slices() {
    let bytes = good();
    let mut buffer = Buffer::new(&[&[0; 4], &bytes[..]].concat());
    let at = |buffer: &Buffer, from: usize| {
        File::parse(&buffer.bytes()[from..from + bytes.len()])
            .map(drop)
            .map_err(|e| e.kind)
    };
    assert_eq!(at(&buffer, 4), Ok(()), "4 is enough");
    for from in 1..4 {
        buffer.bytes_mut()[from..from + bytes.len()].copy_from_slice(&bytes);
        assert_eq!(at(&buffer, from), Err(Kind::Misaligned));
    }
}

#[test]
fn configuration() {
    assert_eq!(
        refusal(put(33, &[1])),
        (Kind::Unsupported(Feature::LayerNorm), 33)
    );
    for at in 32..38 {
        assert_eq!(refusal(put(at, &[9])), (Kind::Unknown, at));
    }
    assert_eq!(refusal(put(39, &[1])), (Kind::Reserved, 38));
    assert_eq!(refusal(put(159, &[1])), (Kind::Reserved, 159));
    for (at, n) in [
        (40, 0),
        (44, 65_537),
        (48, 256),
        (52, u32::MAX),
        (56, 3),
        (72, 0x7fc0_0000),
    ] {
        let (kind, at) = refusal(put_u32(at, n));
        assert!(matches!(kind, Kind::Config(_)) && at == 32, "{n}: {kind:?}");
    }
    // 65 536 heads of 65 536 do not fit a 32-bit usize.
    let both = |bytes: &mut Vec<u8>| {
        put_u32(52, 65_536)(bytes);
        put_u32(56, 65_536)(bytes);
        put_u32(60, 65_536)(bytes);
    };
    let (kind, _) = refusal(both);
    let Kind::Config(error) = kind else {
        panic!("{kind:?}")
    };
    assert_eq!(error.to_string(), "n_heads * head_dim is over 65536");
    assert_eq!(refusal(put(191, &[1])), (Kind::Reserved, 191));
}

#[test]
fn needs() {
    assert_eq!(refusal(put(168, &[1])), (Kind::Needs, 168));
    assert_eq!(refusal(put(172, &[7])), (Kind::Needs, 168));
    let mut bytes = good();
    put(176, &[200])(&mut bytes);
    let buffer = Buffer::new(&sealed(bytes));
    let read = File::parse(buffer.bytes()).expect("an unknown machine is no reason to refuse");
    assert_eq!((read.needs().isa, read.needs().isa_name()), (200, None));
}

#[test]
fn tensor_directory() {
    let at = DIRECTORY;
    assert_eq!(refusal(put(at, &[99])), (Kind::Directory, at));
    assert_eq!(refusal(put(at + 1, &[1])), (Kind::Directory, at));
    assert_eq!(refusal(put(at + 2, &[7])), (Kind::Unknown, at + 2));
    assert_eq!(refusal(put(at + 3, &[3])), (Kind::ReservedValue, at + 3));
    assert_eq!(refusal(put(at + 3, &[4])), (Kind::Unknown, at + 3));
    assert_eq!(refusal(put(at + 4, &[2])), (Kind::Unknown, at + 4));
    assert_eq!(
        refusal(put(at + 4, &[1])),
        (Kind::Storage, at + 2),
        "input-major look-up"
    );
    assert_eq!(
        refusal(put(at + 20 + 3, &[1])),
        (Kind::Storage, at + 22),
        "quantised norm"
    );
    assert_eq!(refusal(put(at + 7, &[1])), (Kind::Reserved, at + 5));
    let (first, len) = (payload(0).0 as u32, payload(0).1 as u32);
    for n in [0, 64, first - 64, first + 64, first + 1, u32::MAX] {
        assert_eq!(refusal(put_u32(at + 8, n)), (Kind::Offset, at + 8));
    }
    for n in [0, len - 1, len + 1, u32::MAX] {
        assert_eq!(refusal(put_u32(at + 12, n)), (Kind::Size, at + 12));
        assert_eq!(refusal(put_u32(at + 16, n)), (Kind::Size, at + 12));
    }
    let swapped = |bytes: &mut Vec<u8>| {
        let (a, b) = bytes[at..at + 40].split_at_mut(20);
        a.swap_with_slice(b);
    };
    assert_eq!(refusal(swapped), (Kind::Directory, at));
    let overlapping = |bytes: &mut Vec<u8>| put_u32(at + 28, first)(bytes);
    assert_eq!(refusal(overlapping), (Kind::Offset, at + 28));
}

#[test]
fn padding() {
    let (first, len) = payload(0);
    assert_eq!(refusal(put(first - 1, &[1])), (Kind::Padding, first - 1));
    assert_eq!(
        refusal(put(first + len, &[1])),
        (Kind::Padding, first + len)
    );
}

#[test]
fn matrices() {
    // The embedding: 11 rows of 6 columns, csr-u16, i8.
    let (at, len) = payload(0);
    let columns = at + 4 * 12;
    let scales = at + len - 4 * 11;
    let matrix = |kind| Kind::Matrix(kind);
    assert_eq!(
        refusal(put_u32(at, 1)),
        (matrix(sparse::Kind::Indptr), at + 44)
    );
    assert_eq!(
        refusal(put_u32(at + 44, 0)),
        (matrix(sparse::Kind::Indptr), at + 44)
    );
    assert_eq!(
        refusal(put_u32(at + 4, u32::MAX)).0,
        matrix(sparse::Kind::Order)
    );
    let (kind, row) = refusal(put(columns, &[6, 0]));
    assert!(
        matches!(
            kind,
            Kind::Matrix(sparse::Kind::OutOfRange | sparse::Kind::Unsorted)
        ),
        "{kind:?}"
    );
    assert!((at..columns).contains(&row));
    assert_eq!(
        refusal(put(scales - 4, &[0x80])).0,
        matrix(sparse::Kind::Value)
    );
    assert_eq!(
        refusal(put_u32(scales + 4, f32::NAN.to_bits())),
        (matrix(sparse::Kind::Value), scales + 4)
    );
    let (norm, _) = payload(1);
    for bad in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        assert_eq!(
            refusal(put_u32(norm + 8, bad.to_bits())),
            (Kind::NonFinite, norm + 8)
        );
    }
}

#[test]
fn block_directory() {
    let at = blocks_at();
    assert_eq!(refusal(put(at, b"Cali")), (Kind::Critical, at));
    assert_eq!(refusal(put(at, b"Delt")), (Kind::Critical, at));
    assert_eq!(
        refusal(put(at, b"zali")),
        (Kind::Tag, at + 12),
        "out of order"
    );
    assert_eq!(refusal(put(at, b"gold")), (Kind::Tag, at + 12), "twice");
    assert_eq!(refusal(put(at, b"c li")), (Kind::Tag, at));
    assert_eq!(refusal(put_u32(at + 4, 0)), (Kind::Offset, at + 4));
    assert_eq!(refusal(put_u32(at + 8, 0)), (Kind::Size, at + 8));
    assert_eq!(refusal(put_u32(at + 8, u32::MAX)), (Kind::Size, at + 8));
}

#[test]
fn known_blocks() {
    let (gold, text, token) = (block(1).0, block(3).0, block(4).0);
    let wrong = |kind| Kind::Golden(kind);
    assert_eq!(refusal(put_u32(gold, 0)).0, wrong(golden::Kind::Length));
    assert_eq!(
        refusal(put_u32(gold, u32::MAX)).0,
        wrong(golden::Kind::Length)
    );
    assert_eq!(
        refusal(put_u32(gold + 8, u32::MAX)).0,
        wrong(golden::Kind::Length)
    );
    assert_eq!(
        refusal(put_u32(gold + 12, 1)),
        (wrong(golden::Kind::Reserved), gold + 12)
    );
    let tokens = gold + 24 + 8 * 2;
    assert_eq!(
        refusal(put_u32(tokens + 4, 11)),
        (wrong(golden::Kind::Token), tokens + 4)
    );
    assert_eq!(refusal(put(text + 3, &[0xff])), (Kind::Text, text + 3));

    let wrong = |kind| Kind::Tokenizer(kind);
    assert_eq!(
        refusal(put(token, &[2])),
        (wrong(tokenizer::Kind::Unknown), token)
    );
    assert_eq!(
        refusal(put(token + 1, &[4])),
        (wrong(tokenizer::Kind::Unknown), token)
    );
    assert_eq!(
        refusal(put(token + 2, &[1])),
        (wrong(tokenizer::Kind::Unknown), token + 2)
    );
    assert_eq!(
        refusal(put(token, &[0, 0])).0,
        wrong(tokenizer::Kind::Length)
    );
    assert_eq!(
        refusal(put_u32(token + 4, u32::MAX)).0,
        wrong(tokenizer::Kind::Length)
    );
    assert_eq!(
        refusal(put_u32(token + 8, 11)),
        (wrong(tokenizer::Kind::Special), token + 8)
    );
    assert_eq!(
        refusal(put_u32(token + 16, 6)),
        (wrong(tokenizer::Kind::Longest), token + 16)
    );
    assert_eq!(
        refusal(put_u32(token + 24, 99)).0,
        wrong(tokenizer::Kind::Starts)
    );
    let scores = token + 20 + 4 * 12;
    assert_eq!(
        refusal(put_u32(scores + 4, f32::NAN.to_bits())),
        (wrong(tokenizer::Kind::Score), scores + 4)
    );
    let sorted = scores + 4 * 11;
    assert_eq!(
        refusal(put(sorted + 2, &[11, 0])),
        (wrong(tokenizer::Kind::Order), sorted + 2)
    );
}
