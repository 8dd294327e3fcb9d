//! Whole tokens as entrants: decoding and prompts of the model, with our products and with oneMKL's.

use lacuna::config::Config;
use lacuna::format::schema::Id;
use lacuna::kernels::{Input, Isa, IsaName};
use lacuna::model::{Limits, Model};
use lacuna::session::{Options, Session};

use crate::case::Case;
use crate::foreign::mkl::{Handle, Mkl, Use};
use crate::model::{CONFIG, Lines, QUARTER, TOKENS, arena, decode, file, products, prompt, walk};
use crate::race::{Entrant, Pace, Side, race};
use crate::rows::Row;

/// Per cent of every matrix that is present.
const DENSITY: u32 = 10;

/// Tokens of a prompt that run at once.
const PREFILL: usize = 1;

/// A model that runs on one back-end, and its memory.
struct Runner {
    name: String,
    config: Config,
    isa: Isa,
    prefill: usize,
    file: Lines,
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
        name: &str,
        config: Config,
        percent: u32,
        [thinned, other]: [&str; 2],
        isa: Isa,
    ) -> Result<Runner, String> {
        let chosen = |id| match id {
            Id::Wq | Id::Wk | Id::Wv | Id::W1 | Id::W2 => thinned.to_string(),
            _ => other.to_string(),
        };
        Ok(Runner {
            name: format!("{name}/{isa}"),
            config,
            isa,
            prefill: 1,
            file: file(&config, percent, &chosen)?,
            arena: Lines::default(),
        })
    }

    fn model(&self) -> Result<Model<'_>, String> {
        Model::new(self.file.get()).map_err(|e| e.to_string())
    }

    fn session(&mut self) -> Result<Session<'_>, String> {
        let limits = Limits {
            prefill: self.prefill,
            ..Limits::new(&self.config)
        };
        self.arena = arena(&self.config, &limits);
        let options = Options {
            limits,
            isa: self.isa,
            ..Options::new(&self.config)
        };
        let model = Model::new(self.file.get()).map_err(|e| e.to_string())?;
        Session::new(model, self.arena.get_mut(), options).map_err(|e| e.to_string())
    }

    fn entrant(&mut self, job: Job) -> Result<Entrant<'_>, String> {
        let name = self.name.clone();
        if job == Job::Prompt {
            self.prefill = PREFILL;
        }
        let mut session = self.session()?;
        let tokens = prompt();
        Ok(Entrant::new(name, Side::Ours, move |_| match job {
            Job::Decode => decode(&mut session, &mut || ()),
            Job::Prompt => {
                session.clear();
                core::hint::black_box(session.prompt(&tokens).is_ok());
            }
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

/// Every run of ours: both value types, with AbsTopK both with and without skipping, prompts.
fn runners() -> Result<Vec<(Job, Runner)>, String> {
    let mut all = Vec::new();
    let isas = [IsaName::Avx2, IsaName::Avx512].map(Isa::from_name);
    for isa in isas.into_iter().flatten() {
        for values in ["f32", "i8"] {
            let gather = &format!("csr-{values}-output")[..];
            let skip = &format!("csr-{values}-input")[..];
            let mut add = |job, name: &str, config, forms| {
                let runner = Runner::new(&format!("{name}-{values}"), config, DENSITY, forms, isa)?;
                all.push((job, runner));
                Ok::<(), String>(())
            };
            add(Job::Decode, "decode", CONFIG, [gather, gather])?;
            add(Job::Decode, "quarter", QUARTER, [gather, gather])?;
            add(Job::Decode, "quarter-skipping", QUARTER, [skip, gather])?;
            add(Job::Prompt, "prompt", CONFIG, [gather, gather])?;
        }
    }
    Ok(all)
}

/// oneMKL's side: the products alone, and decoding with them in a session over `bare`, whose matrices are empty.
fn onemkl<'a>(
    mkl: &'a Mkl,
    bare: &'a mut Runner,
    [one, many]: &'a [Vec<Case>; 2],
) -> Result<Vec<Entrant<'a>>, String> {
    let mut session = bare.session()?;
    let mut inside = Products::new(mkl, one);
    let mut alone = Products::new(mkl, one);
    let mut prompt = Products::new(mkl, many);
    Ok(vec![
        Entrant::peer("mkl-decode", move |_| {
            decode(&mut session, &mut || inside.run());
        }),
        Entrant::peer("mkl-decode-products", move |_| {
            (0..TOKENS).for_each(|_| alone.run());
        }),
        Entrant::peer("mkl-prompt-products", move |_| prompt.run()),
    ])
}

/// Races whole runs of [`TOKENS`] tokens; nanoseconds are of one run.
///
/// # Errors
/// What keeps a model from being written or run.
pub fn races(path: &str, mkl: Option<&Mkl>, pace: Pace) -> Result<Vec<Row>, String> {
    let best = Isa::detect();
    // The form whose empty matrices cost least.
    let forms = ["csr-f32-input"; 2];
    let mut runners = runners()?;
    let mut bare = Runner::new("bare", CONFIG, 0, forms, best)?;
    let empty = Runner::new("empty", CONFIG, 0, forms, best)?;
    let cases = [1, TOKENS].map(|n| products().map(|s| Case::new(s, DENSITY, n)).collect());

    let zeros = vec![0.0; CONFIG.hidden_dim];
    let mut entrants = Vec::new();
    for (job, runner) in &mut runners {
        entrants.push(runner.entrant(*job)?);
    }
    let input = |n: usize| -> Result<Input<'_>, String> {
        best.input(&zeros[..n], &mut [], false)
            .map_err(|e| e.to_string())
    };
    let (narrow, wide) = (input(CONFIG.dim)?, input(CONFIG.hidden_dim)?);
    let (model, mut y) = (empty.model()?, zeros.clone());
    entrants.push(Entrant::new("empty-products", Side::Input, move |_| {
        (0..TOKENS).for_each(|_| walk(&model, best, &narrow, &wide, &mut y));
    }));
    if let Some(mkl) = mkl {
        entrants.extend(onemkl(mkl, &mut bare, &cases)?);
    }
    let times = race(&mut entrants, &mut [], pace);
    let row = |(e, ns): (&Entrant<'_>, f64)| Row {
        path: path.into(),
        shape: (CONFIG.dim, CONFIG.hidden_dim),
        density: DENSITY,
        tokens: TOKENS,
        name: e.name.clone(),
        side: e.side,
        ns,
        each: ns / TOKENS as f64,
        error: f64::NAN,
    };
    Ok(entrants.iter().zip(times).map(row).collect())
}
