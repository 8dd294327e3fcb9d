//! Recordings that never were: people who move as people do, from a seed.
//!
//! ```text
//! accelerometer = turned gravity + harmonics of the movement + noise       [g]
//! gyroscope     =                  harmonics of the movement + noise + bias [rad/s]
//! ```
//!
//! A person has a height of movement, a pace, a way to wear the watch (a turn of all axes) and a noise; an activity has
//! a rate, an axis and a share of harmonics. Recordings of one differ in pace, phase and length.
//!
//! # Why
//! Tests need what is hard about real recordings (people differ more than activities do) without the recordings.

use core::f64::consts::TAU;
use core::fmt::Write;

use lacuna::num::Rng;

/// People that are made unless asked otherwise.
pub const PEOPLE: usize = 4;
/// Samples a second.
pub const RATE: f64 = 20.0;

/// Name, movements a second, direction of acceleration, of rotation, share of the second harmonic.
type Activity = (&'static str, f64, [f64; 3], [f64; 3], f64);

const ACTIVITIES: [Activity; 4] = [
    ("rest", 0.0, [0.0; 3], [0.0; 3], 0.0),
    ("walk", 1.8, [0.15, 0.05, 0.35], [0.4, 0.9, 0.1], 0.5),
    ("row", 0.6, [0.5, 0.1, 0.1], [0.1, 0.2, 1.2], 0.1),
    ("wave", 1.1, [0.1, 0.45, 0.1], [1.8, 0.1, 0.3], 0.2),
];

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Generator {
    /// Seed of everything.
    pub seed: u64,
    /// People.
    pub people: usize,
    /// Recordings of each activity by each person.
    pub recordings: usize,
    /// Shortest recording, in samples; the longest is half as long again.
    pub samples: usize,
}

impl Default for Generator {
    fn default() -> Generator {
        Generator {
            seed: 1,
            people: PEOPLE,
            recordings: 2,
            samples: 160,
        }
    }
}

struct Person {
    pace: f64,
    size: f64,
    noise: f64,
    bias: [f64; 3],
    turn: [f64; 3],
}

fn uniform(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * f64::from(rng.next_f32())
}

fn gauss(rng: &mut Rng) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - f64::from(rng.next_f32())));
    radius * libm::cos(TAU * f64::from(rng.next_f32()))
}

/// `v` turned about x, y and z.
fn turned(mut v: [f64; 3], by: [f64; 3]) -> [f64; 3] {
    for (axis, angle) in by.into_iter().enumerate() {
        let (c, s) = (libm::cos(angle), libm::sin(angle));
        let (i, j) = ((axis + 1) % 3, (axis + 2) % 3);
        (v[i], v[j]) = (c * v[i] - s * v[j], s * v[i] + c * v[j]);
    }
    v
}

impl Generator {
    /// Name and text of every file, one a person.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut rng = Rng::new(self.seed);
        let digits = self.people.to_string().len();
        (1..=self.people)
            .map(|i| (format!("person{i:0digits$}.ts"), self.person(&mut rng)))
            .collect()
    }

    fn person(&self, rng: &mut Rng) -> String {
        let mut three = |by: f64| [(); 3].map(|()| uniform(rng, -by, by));
        let (bias, turn) = (three(0.05), three(0.3));
        let person = Person {
            pace: uniform(rng, 0.85, 1.15),
            size: uniform(rng, 0.7, 1.3),
            noise: uniform(rng, 0.02, 0.05),
            bias,
            turn,
        };
        let names = ACTIVITIES.map(|(name, ..)| name).join(" ");
        let mut text = format!(
            "# made by a seed, not measured\n@problemName Made\n@timeStamps false\n@missing false\n\
             @univariate false\n@dimensions 6\n@equalLength false\n@classLabel true {names}\n@data\n"
        );
        for _ in 0..self.recordings {
            for activity in 0..ACTIVITIES.len() {
                self.recording(rng, &person, activity, &mut text);
            }
        }
        text
    }

    fn recording(&self, rng: &mut Rng, person: &Person, activity: usize, text: &mut String) {
        let (name, rate, push, spin, second) = ACTIVITIES[activity];
        let rate = rate * person.pace * uniform(rng, 0.92, 1.08);
        let (phase, size) = (
            uniform(rng, 0.0, TAU),
            person.size * uniform(rng, 0.85, 1.15),
        );
        let n = self.samples + rng.below(self.samples as u32 / 2 + 1) as usize;
        let mut channels = vec![Vec::new(); 6];
        for t in 0..n {
            let angle = TAU * rate * t as f64 / RATE + phase;
            let wave = libm::sin(angle) + second * libm::sin(2.0 * angle + 0.7);
            let slope = libm::cos(angle) + second * libm::cos(2.0 * angle + 0.7);
            let pushed = [0, 1, 2].map(|i| push[i] * size * wave + if i == 2 { 1.0 } else { 0.0 });
            let spun = [0, 1, 2].map(|i| spin[i] * size * slope);
            let (felt, spun) = (turned(pushed, person.turn), turned(spun, person.turn));
            for i in 0..3 {
                channels[i].push(felt[i] + person.noise * gauss(rng));
                channels[3 + i].push(spun[i] + person.bias[i] + 2.0 * person.noise * gauss(rng));
            }
        }
        for channel in &channels {
            let words: Vec<String> = channel.iter().map(|x| format!("{x:.4}")).collect();
            // Writing to a String cannot fail.
            let _ = write!(text, "{}:", words.join(","));
        }
        text.push_str(name);
        text.push('\n');
    }
}
