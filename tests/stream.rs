//! Streams of samples: the windows of the recording, bit for bit, and what is refused leaves no trace.

mod tiny;

use lacuna::config::Config;
use lacuna::model::CacheType;
use lacuna::num::Rng;
use lacuna::session::{Session, Stream, StreamError, WhenFull};
use tiny::{Form, Memory, RICH, SENSOR, Tiny, bits, options};

/// Samples of all channels, one after the other.
fn samples(config: &Config, n: usize, seed: u64) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    let n = n * config.channels();
    (0..n).map(|_| rng.next_f32() * 3.0 - 1.5).collect()
}

#[test]
fn a_stream_gives_the_windows_of_the_recording() {
    let config = SENSOR;
    let file = Tiny::new(config, 3).file(Form::PLAIN);
    let (channels, len) = (config.channels(), config.window_len());
    let recording = samples(&config, 400, 5);
    for hop in [1, 7, 95, 96, 130] {
        let options = options(&config, CacheType::F32, WhenFull::Error);
        let mut memory = Memory::new(&config, &options.limits);
        let mut session = Session::new(file.model(), memory.get(), options).unwrap();
        let mut buffer = vec![f32::NAN; len + 1];
        let mut stream = Stream::new(&config, hop, &mut buffer).unwrap();
        let mut found = Vec::new();
        for sample in recording.chunks(channels) {
            if let Some(window) = stream.push(sample).unwrap() {
                found.push((bits(window), bits(session.classify(window).unwrap())));
            }
        }
        let starts = (0..).map(|i| i * hop * channels);
        let offline: Vec<_> = starts
            .take_while(|start| start + len <= recording.len())
            .map(|start| recording[start..start + len].to_vec())
            .collect();
        assert_eq!(stream.windows(), offline.len() as u64);
        let whole = |w: &Vec<f32>| (bits(w), bits(session.classify(w).unwrap()));
        let expected: Vec<_> = offline.iter().map(whole).collect();
        assert!(found == expected, "{hop}");
    }
}

#[test]
fn a_stream_refuses_and_goes_on() {
    let mut buffer = vec![0.0; SENSOR.window_len()];
    let short = &mut buffer[..100];
    assert_eq!(
        Stream::new(&SENSOR, 1, short).unwrap_err(),
        StreamError::BufferTooSmall {
            needed: 285,
            given: 100
        }
    );
    assert_eq!(
        Stream::new(&SENSOR, 0, &mut buffer).unwrap_err(),
        StreamError::Hop
    );
    assert_eq!(
        Stream::new(&RICH, 1, &mut buffer).unwrap_err(),
        StreamError::TakesTokens
    );
    let recording = samples(&SENSOR, 95, 1);
    let mut stream = Stream::new(&SENSOR, 10, &mut buffer).unwrap();
    for (i, sample) in recording.chunks(3).enumerate() {
        assert_eq!(
            stream.push(&sample[..2]).unwrap_err(),
            StreamError::Channels {
                needed: 3,
                given: 2
            }
        );
        let broken = [sample[0], f32::NAN, sample[2]];
        assert_eq!(
            stream.push(&broken).unwrap_err(),
            StreamError::NonFinite { channel: 1 }
        );
        let due = stream.push(sample).unwrap().map(bits);
        assert_eq!(due, (i == 94).then(|| bits(&recording)));
    }
    stream.clear();
    let due: Vec<_> = recording
        .chunks(3)
        .map(|s| stream.push(s).unwrap().is_some())
        .collect();
    assert_eq!(
        due.iter().position(|d| *d),
        Some(94),
        "a full window after a gap"
    );
}
