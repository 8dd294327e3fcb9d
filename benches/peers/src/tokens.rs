//! Whole tokens as entrants: decoding and prompts of the model, with our products and with oneMKL's.

use std::time::Duration;

use lacuna::config::Config;
use lacuna::fixture::model::{DENSE, Lines, QUARTER, file};
use lacuna::format::schema::{Id, Tensor};
use lacuna::kernels::{Input, Isa, IsaName};
use lacuna::model::{Limits, Model, repack};
use lacuna::session::{Options, Session};

use crate::case::Case;
use crate::foreign::mkl::{Handle, Mkl, Use};
use crate::model::{Decoder, TOKENS, arena, form, products, prompt, walk};
use crate::race::{Entrant, Pace, Side, race};
use crate::rows::Row;

/// Per cent of every matrix that is present.
const DENSITY: u32 = 10;

/// Tokens of a prompt that run at once.
const PREFILL: usize = TOKENS;

/// A model that runs on one back-end, and its memory.
struct Runner {
    job: Job,
    name: String,
    config: Config,
    isa: Isa,
    repacked: bool,
    file: Lines,
    buffer: Lines,
    arena: Lines,
}

/// What a run does.
#[derive(Clone, Copy, PartialEq)]
enum Job {
    Decode,
    Prompt,
}

impl Runner {
    /// `thinned` is the form of matrices whose input AbsTopK or ReLU thins out, `other` that of the rest.
    fn new(
        (job, name): (Job, String),
        (config, percent): (Config, u32),
        [thinned, other]: [&str; 2],
        isa: Isa,
    ) -> Result<Runner, String> {
        let (one, two) = (form(thinned)?, form(other)?);
        let chosen = |t: &Tensor| match t.id {
            Id::Wq | Id::Wk | Id::Wv | Id::W1 | Id::W2 => one,
            _ => two,
        };
        let of_256 = (percent * 256 + 50) / 100;
        let file = file(&config, of_256, &chosen).ok_or(format!("no file holds {thinned}"))?;
        Ok(Runner {
            job,
            name: format!("{name}/{thinned}/{isa}"),
            config,
            isa,
            repacked: false,
            file,
            buffer: Lines::default(),
            arena: Lines::default(),
        })
    }

    /// The model as a session on this machine would repack it at load.
    fn repacked(mut self, name: &str) -> Runner {
        self.name = format!("{name}/repacked/{}", self.isa);
        self.repacked = true;
        self
    }

    fn session(&mut self) -> Result<Session<'_>, String> {
        let limits = Limits {
            prefill: match self.job {
                Job::Decode => 1,
                Job::Prompt => PREFILL,
            },
            ..Limits::new(&self.config)
        };
        self.arena = arena(&self.config, &limits);
        let options = Options {
            limits,
            isa: self.isa,
            ..Options::new(&self.config)
        };
        let mut model = Model::new(self.file.get()).map_err(|e| e.to_string())?;
        if self.repacked {
            let mut scratch = Lines::zeros(repack::scratch_len(&model));
            let len = repack::len(&model, self.isa.name(), scratch.get_mut());
            self.buffer = Lines::zeros(len.map_err(|e| e.to_string())?);
            let (scratch, buffer) = (scratch.get_mut(), self.buffer.get_mut());
            let made = repack::repack(model, self.isa.name(), scratch, buffer);
            model = made.map_err(|e| e.to_string())?.0;
        }
        Session::new(model, self.arena.get_mut(), options).map_err(|e| e.to_string())
    }

    fn entrant(&mut self) -> Result<Entrant<'_>, String> {
        let (name, job, tokens) = (self.name.clone(), self.job, prompt());
        let mut session = self.session()?;
        if job == Job::Decode {
            let mut decoder = Decoder::new(session);
            return Ok(Entrant::new(name, Side::Ours, move |_| decoder.step()));
        }
        Ok(Entrant::new(name, Side::Ours, move |_| {
            session.clear();
            core::hint::black_box(session.prompt(&tokens).is_ok());
        }))
    }
}

/// oneMKL's products of one token or of [`TOKENS`].
struct Products<'a> {
    all: Vec<(Handle<'a>, &'a Case)>,
    y: Vec<f32>,
}

impl<'a> Products<'a> {
    fn new(mkl: &'a Mkl, cases: &'a [Case]) -> Products<'a> {
        let handle = |case: &'a Case| {
            let use_ = match case.tokens {
                1 => Use::Vector,
                n => Use::Tokens(n),
            };
            (mkl.sparse(case, use_, true), case)
        };
        let longest = cases.iter().map(|c| c.rows * c.tokens).max();
        Products {
            all: cases.iter().map(handle).collect(),
            y: vec![0.0; longest.unwrap_or(0)],
        }
    }

    fn run(&mut self) {
        for (handle, case) in &self.all {
            let y = &mut self.y[..case.rows * case.tokens];
            match case.tokens {
                1 => handle.mv(&case.x, y),
                n => handle.mm(&case.x, y, n),
            }
        }
    }
}

/// Every run of ours: the forms worth trying and what repacking chooses, with AbsTopK both with and without skipping.
fn runners() -> Result<Vec<Runner>, String> {
    let mut all = Vec::new();
    let isas = [IsaName::Avx2, IsaName::Avx512].map(Isa::from_name);
    for isa in isas.into_iter().flatten() {
        for values in ["f32", "i8"] {
            let form = |pattern: &str, major: &str| format!("{pattern}-{values}-{major}");
            let gather = ["csr", "panel16", "panel32"].map(|p| form(p, "output"));
            let skip = form("csr", "input");
            for (job, name) in [(Job::Decode, "decode"), (Job::Prompt, "prompt")] {
                let name = format!("{name}-{values}");
                let new =
                    |form: &str| Runner::new((job, name.clone()), (DENSE, DENSITY), [form; 2], isa);
                if job == Job::Decode || isa == Isa::detect() {
                    all.push(new(&gather[0])?.repacked(&name));
                }
                // Several tokens are fastest on CSR.
                let forms = if job == Job::Decode { 3 } else { 1 };
                for form in gather[..forms].iter().filter(|_| isa == Isa::detect()) {
                    all.push(new(form)?);
                }
            }
            for form in gather.iter().filter(|_| isa == Isa::detect()) {
                let (gathers, skips) = (
                    format!("quarter-{values}"),
                    format!("quarter-skipping-{values}"),
                );
                let model = (QUARTER, DENSITY);
                all.push(Runner::new((Job::Decode, gathers), model, [form; 2], isa)?);
                all.push(Runner::new(
                    (Job::Decode, skips),
                    model,
                    [&skip, form],
                    isa,
                )?);
            }
        }
    }
    Ok(all)
}

/// Races single tokens of decoding through a whole context, then whole prompts; nanoseconds are per token.
///
/// # Errors
/// What keeps a model from being written or run.
pub fn races(path: &str, mkl: Option<&Mkl>, pace: Pace) -> Result<Vec<Row>, String> {
    let (tokens, prompts): (Vec<_>, Vec<_>) =
        runners()?.into_iter().partition(|r| r.job == Job::Decode);
    let mut rows = decoding(path, mkl, pace, tokens)?;
    rows.extend(prompting(path, mkl, pace, prompts)?);
    Ok(rows)
}

/// oneMKL's side: the products alone, and decoding with them in a session whose matrices are empty; what the engine
/// spends on walking those is an entrant of its own.
fn decoding(
    path: &str,
    mkl: Option<&Mkl>,
    pace: Pace,
    mut runners: Vec<Runner>,
) -> Result<Vec<Row>, String> {
    let best = Isa::detect();
    // The form whose empty matrices cost least.
    let forms = ["csr-f32-input"; 2];
    let empty = || Runner::new((Job::Decode, "empty".into()), (DENSE, 0), forms, best);
    let (mut bare, empty) = (empty()?, empty()?);
    let cases: Vec<Case> = products().map(|s| Case::new(s, DENSITY, 1)).collect();
    let zeros = vec![0.0; DENSE.hidden_dim];
    let mut entrants = Vec::new();
    for runner in &mut runners {
        entrants.push(runner.entrant()?);
    }
    let input = |n: usize| -> Result<Input<'_>, String> {
        let made = best.input(&zeros[..n], &mut [], false);
        made.map_err(|e| e.to_string())
    };
    let (narrow, wide) = (input(DENSE.dim)?, input(DENSE.hidden_dim)?);
    let model = Model::new(empty.file.get()).map_err(|e| e.to_string())?;
    let mut y = zeros.clone();
    entrants.push(Entrant::new("empty-products", Side::Input, move |_| {
        walk(&model, best, &narrow, &wide, &mut y);
    }));
    if let Some(mkl) = mkl {
        let mut decoder = Decoder::new(bare.session()?);
        let (mut inside, mut alone) = (Products::new(mkl, &cases), Products::new(mkl, &cases));
        entrants.push(Entrant::peer("mkl-decode", move |_| {
            decoder.step();
            inside.run();
        }));
        entrants.push(Entrant::peer("mkl-decode-products", move |_| alone.run()));
    }
    let pace = Pace {
        rounds: 2 * TOKENS + 1,
        slice: Duration::from_nanos(1),
        ..pace
    };
    Ok(rows(path, 1, entrants, pace))
}

fn prompting(
    path: &str,
    mkl: Option<&Mkl>,
    pace: Pace,
    mut runners: Vec<Runner>,
) -> Result<Vec<Row>, String> {
    let cases: Vec<Case> = products().map(|s| Case::new(s, DENSITY, TOKENS)).collect();
    let mut entrants = Vec::new();
    for runner in &mut runners {
        entrants.push(runner.entrant()?);
    }
    if let Some(mkl) = mkl {
        let mut products = Products::new(mkl, &cases);
        entrants.push(Entrant::peer("mkl-prompt-products", move |_| {
            products.run();
        }));
    }
    Ok(rows(path, TOKENS, entrants, pace))
}

fn rows(path: &str, tokens: usize, mut entrants: Vec<Entrant<'_>>, pace: Pace) -> Vec<Row> {
    let times = race(&mut entrants, &mut [], pace);
    let row = |(e, ns): (&Entrant<'_>, f64)| Row {
        path: path.into(),
        shape: (DENSE.dim, DENSE.hidden_dim),
        density: DENSITY,
        tokens,
        name: e.name.clone(),
        side: e.side,
        ns,
        each: ns / tokens as f64,
        error: f64::NAN,
    };
    entrants.iter().zip(times).map(row).collect()
}
