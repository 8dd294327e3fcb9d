//! Windows of samples that a device has sent are run again, and the first bit that differs is named.

use lacuna::model::{Limits, Model, State};
use lacuna::probe::record::{Encoder, LOGITS_PER_FRAME, Record};
use lacuna::probe::{Site, SiteDigests};
use lacuna::session::{Options, Session};
use lacuna_tools::memory::Buffer;

use super::sensor::classifier;
use super::*;

/// Frames of a device that is shown windows of samples; one bit of the digest of `at` flipped in the window of that number.
fn frames(model: &Model<'_>, windows: &[Vec<f32>], at: Option<(u32, Site)>) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(0xd1, 4);
    encoder.model_id = model.id();
    let mut frames = Vec::new();
    let mut say = |record: Record<'_>| frames.push(encoder.frame(7, record).unwrap().to_vec());
    let config = model.config();
    let mut digests = vec![0; Site::count(config.n_layers)];
    let probe = SiteDigests::new(config.n_layers, &mut digests).unwrap();
    let mut arena = Buffer::zeroed(State::len(config, &Limits::new(config)));
    let mut session = Session::with_probe(*model, &mut arena, Options::new(config), probe).unwrap();
    for (window, samples) in (0..).zip(windows) {
        let starts = (0..).step_by(LOGITS_PER_FRAME);
        for (start, some) in starts.zip(samples.chunks(LOGITS_PER_FRAME)) {
            say(Record::samples(window, start, some));
        }
        session.classify(samples).unwrap();
        for (site, digest) in session.probe().iter() {
            let flip = u64::from(at == Some((window, site))) << 9;
            let (position, digest) = (window, digest ^ flip);
            say(Record::SiteDigest {
                position,
                site,
                digest,
            });
        }
    }
    frames
}

#[test]
fn a_flipped_bit_in_a_window_of_samples_is_named_and_a_lost_frame_accuses_nobody() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    classifier(dir, "1");
    let file = Buffer::from(&std::fs::read(dir.join("m.lacuna")).unwrap()[..]);
    let model = Model::new(&file).unwrap();
    let mut rng = Rng::new(4);
    let mut window = || (0..180).map(|_| rng.next_f32() - 0.5).collect::<Vec<f32>>();
    let windows = [window(), window(), window()];
    let write =
        |name: &str, frames: Vec<Vec<u8>>| std::fs::write(dir.join(name), frames.concat()).unwrap();
    write("good", frames(&model, &windows, None));
    let good = json(dir, &["replay", "m.lacuna", "good"]);
    assert_eq!(good["windows"].as_array().unwrap().len(), 3);
    let site = Site::from_index(7, model.config().n_layers).unwrap();
    write("bad", frames(&model, &windows, Some((1, site))));
    let said = refused(dir, &["replay", "m.lacuna", "bad"]);
    assert!(
        said.contains(&format!(
            "window 1 of device 00000000000000d1 (boot 4) differs first at layer 0, site {site}"
        )),
        "{said}"
    );
    let all = frames(&model, &windows, None);
    for lost in 0..all.len() {
        let mut heard = all.clone();
        heard.remove(lost);
        write("heard", heard);
        let said = lacuna(dir, &["replay", "m.lacuna", "heard", "--json"]);
        assert!(
            !text(&said.stdout).contains("differs"),
            "{lost}: {}",
            text(&said.stderr)
        );
        assert_eq!(said.status.code(), Some(0), "{lost}");
    }
}
