//! Tokenizers: any bytes go in and come out again, and merges are those of llama2.c.

mod tiny;

use lacuna::format::TokenizerBlock;
use lacuna::format::tokenizer::{Bpe, Vocabulary};
use lacuna::num::Rng;
use lacuna::session::Tokenizer;
use tiny::{Form, PLAIN, Tiny, with_bytes_tokenizer};

/// Strings and scores as llama2.c's tokenizer file holds them.
struct Words {
    strings: Vec<Vec<u8>>,
    scores: Vec<f32>,
    starts: Vec<u32>,
    sorted: Vec<u16>,
    joined: Vec<u8>,
}

impl Words {
    /// Unknown, BOS, EOS, all bytes, letters without 'z', and merges with some equal scores.
    fn new() -> Words {
        let mut strings: Vec<Vec<u8>> = [&b"<unk>"[..], b"\n<s>\n", b"\n</s>\n"]
            .map(<[u8]>::to_vec)
            .into();
        strings.extend((0..=255u8).map(|b| format!("<0x{b:02X}>").into_bytes()));
        strings.push(b" ".to_vec());
        strings.extend((b'a'..=b'y').map(|b| vec![b]));
        let merges = [
            "th", "he", "the", " t", " the", "in", "an", " a", "ab", "ba", "aba", "é", "日",
            "日本", "éa", "aa", "aaa", "aaaa", "an the",
        ];
        strings.extend(merges.map(|s| s.as_bytes().to_vec()));
        let first = strings.len() - merges.len();
        let scores = (0..strings.len())
            .map(|i| {
                if i < first {
                    0.0
                } else {
                    -(((i - first) / 2) as f32)
                }
            })
            .collect();
        let mut starts = vec![0];
        let mut joined = Vec::new();
        for s in &strings {
            joined.extend(s);
            starts.push(joined.len() as u32);
        }
        let mut sorted: Vec<u16> = (0..strings.len() as u16).collect();
        sorted.sort_by(|a, b| {
            strings[*a as usize]
                .cmp(&strings[*b as usize])
                .then(a.cmp(b))
        });
        Words {
            strings,
            scores,
            starts,
            sorted,
            joined,
        }
    }

    fn tokenizer(&self, dummy_prefix: bool, byte_fallback: bool) -> Tokenizer<'_> {
        let (starts, sorted) = (&self.starts, &self.sorted);
        let bpe = Bpe::new(
            starts,
            &self.scores,
            sorted,
            &self.joined,
            dummy_prefix,
            byte_fallback,
        )
        .unwrap();
        let block = TokenizerBlock::new(Vocabulary::Bpe(bpe), Some(1), Some(2)).unwrap();
        Tokenizer::from(block)
    }

    fn find(&self, string: &[u8]) -> Option<u32> {
        self.strings
            .iter()
            .position(|s| s == string)
            .map(|i| i as u32)
    }

    /// `encode` of run.c, line by line.
    fn run_c(&self, text: &[u8]) -> Vec<u32> {
        let mut tokens = vec![1];
        if !text.is_empty() {
            tokens.push(self.find(b" ").unwrap());
        }
        let mut point = Vec::new();
        for (i, c) in text.iter().enumerate() {
            if c & 0xC0 != 0x80 {
                point.clear();
            }
            point.push(*c);
            let next = text.get(i + 1).copied().unwrap_or(0);
            if next & 0xC0 == 0x80 && point.len() < 4 {
                continue;
            }
            match self.find(&point) {
                Some(id) => tokens.push(id),
                None => tokens.extend(point.iter().map(|b| u32::from(*b) + 3)),
            }
            point.clear();
        }
        loop {
            let (mut best_score, mut best) = (-1e10, None);
            for i in 0..tokens.len() - 1 {
                let pair = [tokens[i], tokens[i + 1]].map(|t| self.strings[t as usize].clone());
                if let Some(id) = self.find(&pair.concat())
                    && self.scores[id as usize] > best_score
                {
                    best_score = self.scores[id as usize];
                    best = Some((i, id));
                }
            }
            let Some((i, id)) = best else { return tokens };
            tokens[i] = id;
            tokens.remove(i + 1);
        }
    }
}

fn encode(tokenizer: &Tokenizer<'_>, text: &[u8], bos: bool) -> Vec<u32> {
    let mut out = vec![0; text.len() + 2];
    let n = tokenizer.encode(text, bos, &mut out).unwrap();
    out.truncate(n);
    out
}

fn decode(tokenizer: &Tokenizer<'_>, tokens: &[u32]) -> Vec<u8> {
    let pairs = tokens.windows(2);
    pairs
        .flat_map(|p| tokenizer.decode(Some(p[0]), p[1]))
        .copied()
        .collect()
}

/// Texts that are words, odd UTF-8, and no UTF-8 at all.
fn texts() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = [
        "",
        " ",
        "the",
        "  then an the",
        "aaaaaaaaa",
        "ababa baba",
        "z日本éa\u{10FFFF}\0",
        "e\u{301}\u{200D}",
    ]
    .map(|s| s.as_bytes().to_vec())
    .into();
    texts.push(vec![0x80; 11]);
    texts.push(b"\xf0\x9f\x98 \xe6\x97\xa5\x80\x80\xc3(\xff\xfe\xed\xa0\x80".to_vec());
    texts.push((0..=255).collect());
    texts.push((0..=255).rev().collect());
    let mut rng = Rng::new(9);
    let parts: [&[u8]; 9] = [
        b"a",
        b"b",
        b"the",
        b" ",
        b"\xc3",
        b"\xa9",
        b"\xe6\x97\xa5",
        b"z",
        b"in",
    ];
    for _ in 0..200 {
        let n = rng.below(12);
        texts.push(
            (0..n)
                .flat_map(|_| parts[rng.below(9) as usize])
                .copied()
                .collect(),
        );
    }
    texts
}

#[test]
fn merges_are_those_of_llama2_c_and_undone_by_decoding() {
    let words = Words::new();
    let tokenizer = words.tokenizer(true, true);
    for text in texts() {
        let tokens = encode(&tokenizer, &text, true);
        assert_eq!(tokens, words.run_c(&text), "{}", text.escape_ascii());
        assert_eq!(decode(&tokenizer, &tokens), text);
        assert_eq!(encode(&tokenizer, &text, false), tokens[1..]);
    }
}

#[test]
fn switches_of_the_file_are_obeyed() {
    let words = Words::new();
    let bare = words.tokenizer(false, true);
    assert_eq!(encode(&bare, b"the", false), [words.find(b"the").unwrap()]);
    assert_eq!(encode(&bare, b"", false), []);
    let unknown = words.tokenizer(false, false);
    assert_eq!(encode(&unknown, b"z", false), [0]);
    assert_eq!((bare.bos(), bare.eos()), (Some(1), Some(2)));
}

#[test]
fn decoding_follows_run_c() {
    let words = Words::new();
    let tokenizer = words.tokenizer(true, true);
    let the = words.find(b" the").unwrap();
    assert_eq!(tokenizer.decode(Some(1), the), b"the");
    assert_eq!(tokenizer.decode(Some(the), the), b" the");
    assert_eq!(tokenizer.decode(None, the), b" the");
    for byte in 0..=255u8 {
        assert_eq!(tokenizer.decode(None, u32::from(byte) + 3), [byte]);
    }
    assert_eq!(tokenizer.decode(None, u32::MAX), b"");
}

#[test]
fn bytes_are_their_own_tokens() {
    let file = Tiny::new(
        lacuna::config::Config {
            vocab_size: 256,
            ..PLAIN
        },
        1,
    )
    .file_with(Form::PLAIN, &with_bytes_tokenizer());
    let tokenizer = Tokenizer::new(file.model().file()).unwrap();
    for text in texts() {
        let tokens = encode(&tokenizer, &text, true);
        assert_eq!((tokens[0], tokens.len()), (0, text.len() + 1));
        assert_eq!(decode(&tokenizer, &tokens), text);
    }
    assert_eq!(tokenizer.decode(None, 256), b"");
    let none = Tiny::new(PLAIN, 1).file(Form::PLAIN);
    assert!(Tokenizer::new(none.model().file()).is_none());
}

#[test]
fn too_few_places_are_an_error_with_both_numbers() {
    let words = Words::new();
    for tokenizer in [
        words.tokenizer(true, true),
        Tokenizer::from(TokenizerBlock::BYTES),
    ] {
        for given in 0..4 {
            let text = b"zzz";
            let refused = tokenizer
                .encode(text, true, &mut vec![0; given])
                .unwrap_err();
            assert_eq!((refused.enough, refused.given), (5, given));
        }
        let mut enough = [0; 5];
        assert!(tokenizer.encode(b"zzz", true, &mut enough).is_ok());
    }
}
