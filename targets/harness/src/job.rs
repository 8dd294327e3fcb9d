//! What to run, in words on the semihosting command line.
//!
//! ```text
//! lacuna -- tokens=32 prompt=0,79,110 stop=0 temperature=3f4ccccd top-k=40 top-p=3f666666 seed=7
//!           context=64 cache=f16 prefill=8 slide layers sites logits
//!           plan=0a… monitor window=32 report=64 budget=4096 device=1f
//! ```
//!
//! # Invariants
//! - Words before ` -- ` are not ours: QEMU puts the firmware's path there when it is given no words.
//! - Floats are hexadecimal bits, so that host and firmware sample alike and no float parser is in flash.
//!
//! # Why
//! Without words the job is the model's golden block, so a bare `cargo run` does something that can be checked.

use core::fmt;

use lacuna::format::Golden;
use lacuna::model::CacheType;
use lacuna::session::Sampler;

/// A run: prompt, how to go on, and what to report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    prompt: Prompt<'a>,
    /// Number of tokens to generate.
    pub(crate) tokens: u32,
    /// The token after which to stop early.
    pub(crate) stop: Option<u32>,
    /// The digest that all logits must have.
    pub(crate) expected: Option<u64>,
    temperature: f32,
    top_k: usize,
    top_p: f32,
    seed: u64,
    /// Positions to hold; `None` for what the firmware was built for.
    pub(crate) context: Option<usize>,
    /// Type of the key/value cache; `None` for what the firmware was built for.
    pub(crate) cache: Option<CacheType>,
    /// Tokens of the prompt to run at once; `None` for what the firmware was built for.
    pub(crate) prefill: Option<usize>,
    /// The probe plan to carry out.
    pub(crate) plan: Option<Plan<'a>>,
    /// Run the monitor of the model's calibration.
    pub(crate) monitor: bool,
    /// Tokens of a window; `None` for those of the calibration.
    pub(crate) window: Option<u32>,
    /// Tokens between two reports of the plan's sketches; `None` for one report, at the end.
    pub(crate) report: Option<u32>,
    /// Bytes that all sketches of the run may take on the record channel.
    pub(crate) budget: Option<u32>,
    /// Who the device says it is.
    pub(crate) device: u64,
    /// A full context slides instead of ending the run.
    pub(crate) slide: bool,
    /// Report the cost of every block.
    pub(crate) layers: bool,
    /// Report the digest of every site at every position.
    pub(crate) sites: bool,
    /// Report all logits.
    pub(crate) logits: bool,
}

#[derive(Clone, Copy, Debug)]
enum Prompt<'a> {
    /// Decimal ids between commas, each parsed once already.
    Words(&'a str),
    Ids(&'a [u32]),
}

/// Where a probe plan comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan<'a> {
    /// The model file.
    File,
    /// The job: the bytes of a plan block in hexadecimal.
    Hex(&'a str),
}

impl Plan<'_> {
    /// The bytes of a plan in hexadecimal, in `buffer`; `None` if they are none, or too many.
    pub(crate) fn bytes<'b>(hex: &str, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let (pairs, []) = hex.as_bytes().as_chunks::<2>() else {
            return None;
        };
        let out = buffer.get_mut(..pairs.len())?;
        for (out, pair) in out.iter_mut().zip(pairs) {
            let digit = |b: u8| char::from(b).to_digit(16);
            *out = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Some(out)
    }
}

/// A word that is no part of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadWord<'a>(&'a str);

impl fmt::Display for BadWord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job has a bad word: {}", self.0)
    }
}

impl<'a> Job<'a> {
    const EMPTY: Job<'static> = Job {
        prompt: Prompt::Ids(&[]),
        tokens: 0,
        stop: None,
        expected: None,
        temperature: 0.0,
        top_k: 0,
        top_p: 1.0,
        seed: 0,
        context: None,
        cache: None,
        prefill: None,
        plan: None,
        monitor: false,
        window: None,
        report: None,
        budget: None,
        device: 0,
        slide: false,
        layers: false,
        sites: false,
        logits: false,
    };

    /// The job in a command line; `None` if it holds none.
    pub(crate) fn parse(line: &'a str) -> Option<Result<Job<'a>, BadWord<'a>>> {
        let mut words = line.split_ascii_whitespace();
        words.find(|word| *word == "--")?;
        let mut job = Job::EMPTY;
        for word in words {
            if job.take(word).is_none() {
                return Some(Err(BadWord(word)));
            }
        }
        Some(Ok(job))
    }

    /// The job of a golden block: its prompt, as many tokens, greedily, and the digest it must give.
    pub(crate) fn golden(golden: &Golden<'a>) -> Job<'a> {
        Job {
            prompt: Prompt::Ids(golden.prompt()),
            tokens: golden.expected().len() as u32,
            expected: Some(golden.logits()),
            ..Job::EMPTY
        }
    }

    fn take(&mut self, word: &'a str) -> Option<()> {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "prompt" => {
                for id in value.split(',') {
                    id.parse::<u32>().ok()?;
                }
                self.prompt = Prompt::Words(value);
            }
            "tokens" => self.tokens = value.parse().ok()?,
            "stop" => self.stop = Some(value.parse().ok()?),
            "temperature" => self.temperature = float(value)?,
            "top-k" => self.top_k = value.parse().ok()?,
            "top-p" => self.top_p = float(value)?,
            "seed" => self.seed = value.parse().ok()?,
            "context" => self.context = Some(value.parse().ok()?),
            "cache" => self.cache = Some(cache(value)?),
            "prefill" => self.prefill = Some(value.parse().ok()?),
            "plan" if value.is_empty() => self.plan = Some(Plan::File),
            "plan" => self.plan = Some(Plan::Hex(value)),
            "monitor" => self.monitor = true,
            "window" => self.window = Some(positive(value)?),
            "report" => self.report = Some(positive(value)?),
            "budget" => self.budget = Some(value.parse().ok()?),
            "device" => self.device = u64::from_str_radix(value, 16).ok()?,
            "slide" => self.slide = true,
            "layers" => self.layers = true,
            "sites" => self.sites = true,
            "logits" => self.logits = true,
            _ => return None,
        }
        Some(())
    }

    /// Tokens to feed first.
    pub(crate) fn prompt(&self) -> impl Iterator<Item = u32> + use<'a> {
        let (words, ids) = match self.prompt {
            Prompt::Words(words) => (words, [].as_slice()),
            Prompt::Ids(ids) => ("", ids),
        };
        let words = words.split(',').filter_map(|id| id.parse().ok());
        words.chain(ids.iter().copied())
    }

    /// Whether the run is one of a device in the field: with a plan or a monitor.
    pub(crate) fn in_the_field(&self) -> bool {
        self.plan.is_some() || self.monitor
    }

    /// A fresh sampler, the same for every pass.
    pub(crate) fn sampler(&self) -> Sampler {
        Sampler::new(self.temperature, self.top_k, self.top_p, self.seed)
    }
}

fn float(bits: &str) -> Option<f32> {
    u32::from_str_radix(bits, 16).ok().map(f32::from_bits)
}

fn positive(value: &str) -> Option<u32> {
    value.parse().ok().filter(|n| *n > 0)
}

/// The cache type of that name.
pub(crate) const fn cache(name: &str) -> Option<CacheType> {
    match name.as_bytes() {
        b"f32" => Some(CacheType::F32),
        b"f16" => Some(CacheType::F16),
        b"i8" => Some(CacheType::I8),
        _ => None,
    }
}
