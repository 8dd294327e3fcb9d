use super::*;

/// A file of one block: dim 4, hidden 6, 2 heads of 2, 1 kv head, vocab 8, context 3; weights count up from 0.
fn file(vocab_size: i32) -> Vec<u8> {
    let mut bytes: Vec<u8> = [4i32, 6, 1, 2, 1, vocab_size, 3]
        .into_iter()
        .flat_map(i32::to_le_bytes)
        .collect();
    let mut floats = 8 * 4 + 4 + 4 * 4 + 2 * 4 + 2 * 4 + 4 * 4 + 4 + 3 * 6 * 4 + 4 + 2 * 3;
    if vocab_size < 0 {
        floats += 8 * 4;
    }
    bytes.extend((0..floats).flat_map(|i| (i as f32).to_le_bytes()));
    bytes
}

#[test]
fn sections_land_in_their_tensors() {
    for vocab_size in [8, -8] {
        let c = model(&file(vocab_size)).unwrap();
        c.check().unwrap();
        let first = |name: &str| c.tensors[name].data[0];
        assert_eq!(first("tok_embeddings.weight"), 0.0);
        assert_eq!(first("layers.0.attention_norm.weight"), 32.0);
        assert_eq!(first("layers.0.attention.wq.weight"), 36.0);
        assert_eq!(first("layers.0.attention.wk.weight"), 52.0);
        assert_eq!(first("layers.0.attention.wv.weight"), 60.0);
        assert_eq!(first("layers.0.attention.wo.weight"), 68.0);
        assert_eq!(first("layers.0.ffn_norm.weight"), 84.0);
        assert_eq!(first("layers.0.feed_forward.w1.weight"), 88.0);
        assert_eq!(first("layers.0.feed_forward.w2.weight"), 112.0);
        assert_eq!(first("layers.0.feed_forward.w3.weight"), 136.0);
        assert_eq!(first("norm.weight"), 160.0);
        assert_eq!(c.config.tied, vocab_size > 0);
        if vocab_size < 0 {
            assert_eq!(first("output.weight"), 170.0);
        }
    }
}

#[test]
fn every_truncation_and_a_surplus_are_refused_with_an_offset() {
    for vocab_size in [8, -8] {
        let whole = file(vocab_size);
        for n in 0..whole.len() {
            let error = model(&whole[..n]).unwrap_err();
            assert!(error.at <= n && matches!(error.kind, Kind::Truncated { .. }));
        }
        let mut long = whole.clone();
        long.push(0);
        let error = model(&long).unwrap_err();
        assert_eq!(error.kind, Kind::TooLong { surplus: 1 });
        assert_eq!(error.at, whole.len());
    }
}

#[test]
fn hostile_headers_allocate_nothing_and_name_the_field() {
    let with = |field: usize, value: i32| {
        let mut bytes = file(8);
        bytes[4 * field..4 * field + 4].copy_from_slice(&value.to_le_bytes());
        model(&bytes).unwrap_err()
    };
    for field in 0..7 {
        for value in [0, i32::MIN, i32::MAX, 65_536] {
            let error = with(field, value);
            assert!(error.at <= file(8).len(), "{field} {value} {error}");
        }
    }
    assert_eq!(
        with(1, -6).to_string(),
        "hidden_dim is negative (at byte 4)"
    );
    assert_eq!(with(3, 3).kind, Kind::HeadDim);
    assert_eq!(with(0, MAGIC).kind, Kind::Version(6));
}

#[test]
fn not_a_number_is_found_where_it_is() {
    let mut bytes = file(8);
    bytes[28 + 40..28 + 44].copy_from_slice(&f32::NAN.to_le_bytes());
    let error = model(&bytes).unwrap_err();
    assert_eq!((error.kind, error.at), (Kind::NonFinite, 68));
}

#[test]
fn tokenizer_reads_back_and_refuses_every_truncation() {
    let pieces = [(0.0f32, "<s>"), (-1.0, "a"), (-2.5, " ab")];
    let mut bytes = 3u32.to_le_bytes().to_vec();
    for (score, text) in pieces {
        bytes.extend(score.to_le_bytes());
        bytes.extend((text.len() as i32).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    let read = tokenizer(&bytes, 3).unwrap();
    assert_eq!(read[2].bytes, b" ab");
    assert_eq!(read[2].score, -2.5);
    for n in 0..bytes.len() {
        assert!(tokenizer(&bytes[..n], 3).is_err());
    }
    assert!(tokenizer(&bytes, 2).is_err());
    assert!(tokenizer(&bytes, 4).is_err());
    bytes[8..12].copy_from_slice(&(-1i32).to_le_bytes());
    assert_eq!(
        tokenizer(&bytes, 3).unwrap_err().kind,
        Kind::TokenLength(-1)
    );
}
