//! Records: what is said comes back, however the link cuts and breaks it, whatever version said it.

mod frozen;
mod hostile;
mod stream;
mod whole;

use lacuna::probe::record::{
    Encoder, Frame, LOGITS_PER_FRAME, MAX_PLAN, Record, Reset, SelfTest, TOKENS_PER_FRAME, VERSION,
};
use lacuna::probe::{Answer, Hook, Site, SiteSummary, Sketch, Stat, Summary};

const SITE: Site = Site {
    layer: 254,
    hook: Hook::MlpPost,
};
const TEXT: &str = "sixty-four bytes of text, which is the most that a record allows";
const MODEL: [u8; 8] = [0, 1, 2, 0, 255, 0, 0, 7];
const DEVICE: u64 = u64::MAX - 0xff00;
const BOOT: u32 = u32::MAX;
const UPTIME: u64 = u64::MAX;

fn logits() -> Vec<f32> {
    let mut logits: Vec<f32> = (0..LOGITS_PER_FRAME).map(|i| i as f32 - 7.5).collect();
    logits[3] = f32::from_bits(0xffc0_0001);
    logits[4] = -0.0;
    logits
}

/// What records borrow.
struct Said {
    logits: Vec<f32>,
    tokens: Vec<u32>,
    plan: Vec<u8>,
}

impl Said {
    fn new() -> Said {
        Said {
            logits: logits(),
            tokens: (0..TOKENS_PER_FRAME as u32)
                .map(|i| i * 0x0101_0000)
                .collect(),
            plan: (0..MAX_PLAN).map(|i| i as u8).collect(),
        }
    }

    /// One record of every kind, the longest allowed where lengths vary.
    fn records(&self) -> Vec<Record<'_>> {
        let worst = Summary {
            n: u32::MAX,
            mean: -1.1,
            min: -1.1,
            max: -1.1,
        };
        let summary = SiteSummary {
            zero_share: worst,
            le_eps_share: worst,
            hoyer: worst,
        };
        let (position, start, window) = (u32::MAX, u32::MAX, u32::MAX);
        vec![
            Record::Hello {
                board: TEXT,
                isa: TEXT,
                ram: u32::MAX,
                flash: u32::MAX,
                context: u32::MAX,
                ticks_per_second: u32::MAX,
            },
            Record::Token {
                index: 0,
                token: 258,
                prompt: true,
            },
            Record::SiteDigest {
                position,
                site: SITE,
                digest: u64::MAX,
            },
            Record::logits(position, start, &self.logits),
            Record::Stat {
                site: SITE,
                summary,
            },
            Record::Cost {
                position,
                layer: Some(3),
                ticks: u64::MAX,
            },
            Record::Fault {
                position,
                what: TEXT,
            },
            Record::End {
                digest: u64::MAX,
                positions: 9,
                stack: 4096,
            },
            Record::Sketch {
                site: SITE,
                stat: Stat::EffRankMagnitude,
                sketch: Sketch {
                    n: u32::MAX,
                    mean: 0.25,
                    m2: 1e-9,
                    min: -1.1,
                    max: f32::MAX,
                    histogram: [u16::MAX; 16],
                },
            },
            Record::Window {
                index: window,
                positions: 64,
                answer: Answer::Unfamiliar,
                score: -3.5,
                p: 0.01,
                drift: 12.0,
            },
            Record::Monitor {
                answer: Answer::Drifting,
                windows: window,
                unfamiliar: 70_000,
                drift: 0.5,
                threshold: 20.0,
                saves: 3,
            },
            Record::Health {
                reset: Reset::Brownout,
                self_test: SelfTest::Kernels,
                dropped: u32::MAX,
                stack: 1 << 20,
            },
            Record::Plan { plan: &self.plan },
            Record::input(window, start, &self.tokens),
            Record::samples(window, start, &self.logits),
        ]
    }

    /// All records as a device would send them.
    fn recording(&self) -> Vec<u8> {
        let mut encoder = encoder();
        let mut all = Vec::new();
        for record in self.records() {
            all.extend(encoder.frame(UPTIME, record).unwrap());
        }
        all
    }
}

fn encoder() -> Encoder {
    let mut encoder = Encoder::new(DEVICE, BOOT);
    encoder.model_id = MODEL;
    encoder
}

fn frame(record: Record<'_>, seq: u32) -> Frame<'_> {
    Frame {
        version: VERSION,
        model_id: MODEL,
        device: DEVICE,
        boot: BOOT,
        seq,
        uptime_ms: UPTIME,
        record,
    }
}
