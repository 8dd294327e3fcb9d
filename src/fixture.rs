//! Seeded matrices and activations, the awkward ones first: what tests, benches and firmware measure with.
//!
//! Everything comes from integers, so every machine makes the same bits.

extern crate alloc;

use alloc::vec::Vec;
use core::fmt;

use half::f16;

use crate::num::Rng;
use crate::sparse::{
    Csr, Dense, Gaps, Layout, Major, Matrix, Nibbles, Stored, Stride, Value, ValueType,
};

/// Shapes `(rows, cols)` around every lane count, single rows and columns, and sizes of real layers.
pub const SHAPES: [(usize, usize); 26] = [
    (1, 1),
    (1, 7),
    (7, 1),
    (1, 300),
    (300, 1),
    (2, 3),
    (7, 7),
    (8, 8),
    (9, 9),
    (8, 15),
    (15, 16),
    (16, 17),
    (17, 31),
    (31, 33),
    (33, 32),
    (63, 64),
    (64, 63),
    (65, 65),
    (127, 20),
    (128, 129),
    (129, 128),
    (3, 1000),
    (1000, 3),
    (24, 64),
    (64, 172),
    (172, 64),
];

/// How the elements of a matrix lie: the forms of [`Layout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Every element.
    Dense,
    /// Row starts, columns, values.
    Csr,
    /// Steps of one byte.
    Gaps,
    /// Steps of four bits.
    Nibbles,
}

impl Pattern {
    /// Every pattern.
    pub const ALL: [Pattern; 4] = [
        Pattern::Dense,
        Pattern::Csr,
        Pattern::Gaps,
        Pattern::Nibbles,
    ];

    fn name(self) -> &'static str {
        match self {
            Pattern::Dense => "dense",
            Pattern::Csr => "csr",
            Pattern::Gaps => "gaps",
            Pattern::Nibbles => "nibbles",
        }
    }
}

/// How a matrix is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where its elements lie.
    pub pattern: Pattern,
    /// Value type.
    pub value_type: ValueType,
    /// Orientation.
    pub major: Major,
}

impl Form {
    /// False where absent elements are stored too.
    pub fn is_sparse(&self) -> bool {
        self.pattern != Pattern::Dense
    }

    /// Every form the engine multiplies.
    pub fn all() -> impl Iterator<Item = Form> {
        let types = [ValueType::F32, ValueType::F16, ValueType::I8];
        types.into_iter().flat_map(|value_type| {
            [Major::Output, Major::Input]
                .into_iter()
                .flat_map(move |major| {
                    Pattern::ALL.map(|pattern| Form {
                        pattern,
                        value_type,
                        major,
                    })
                })
        })
    }
}

/// `csr-f32-output`: layout, value type, orientation.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value_type = match self.value_type {
            ValueType::F32 => "f32",
            ValueType::F16 => "f16",
            ValueType::I8 => "i8",
        };
        let major = match self.major {
            Major::Output => "output",
            Major::Input => "input",
        };
        write!(f, "{}-{value_type}-{major}", self.pattern.name())
    }
}

#[derive(Clone, Debug)]
enum Values {
    F32(Vec<f32>),
    F16(Vec<f16>),
    I8(Vec<i8>),
}

/// What a packed pattern adds to the parts of CSR.
#[derive(Clone, Debug, Default)]
struct Packed {
    starts: Vec<u32>,
    words: Vec<u32>,
}

/// The parts of a matrix, owned.
#[derive(Clone, Debug)]
pub struct Parts {
    form: Form,
    rows: usize,
    cols: usize,
    indptr: Vec<u32>,
    indices: Vec<u16>,
    values: Values,
    scales: Vec<f32>,
    packed: Packed,
}

/// Which numbers to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Multiples of 2⁻⁸ in (−1, 1), never zero.
    Tame,
    /// Anything finite: zeros of both signs, subnormals, and sizes whose sums overflow.
    Wild,
}

/// One number.
pub fn number(rng: &mut Rng, numbers: Numbers) -> f32 {
    let word = rng.next_u32();
    let tame = ((word >> 8) % 255 + 1) as f32 / 256.0;
    let tame = if word & 1 == 0 { tame } else { -tame };
    match (numbers, word >> 4 & 15) {
        (Numbers::Tame, _) => tame,
        (_, 0) => f32::from_bits(word & 0x8000_0000),
        (_, 1) => f32::from_bits(word & 0x807f_ffff),
        (_, 2) => f32::from_bits(word & 0xfeff_ffff),
        (_, 3) => tame * 1e30,
        // All 24 bits of significand, so that every rounding shows.
        _ => f32::from_bits((word & 0x807f_ffff) | (120 + (word >> 23) % 14) << 23),
    }
}

/// Activations, of which about `zeros` in 256 are exactly zero.
pub fn activations(rng: &mut Rng, n: usize, zeros: u32, numbers: Numbers) -> Vec<f32> {
    let one = |_| match rng.below(256) < zeros {
        true => 0.0,
        false => number(rng, numbers),
    };
    (0..n).map(one).collect()
}

fn half(x: f32) -> f16 {
    let h = f16::from_f32(x);
    if h.is_finite() { h } else { f16::MAX }
}

/// A seeded `W (rows, cols)`: each element is present with chance `density` / 256; some rows are empty and some full
/// where `density` is neither 0 nor 256 and the numbers are wild.
pub fn matrix(
    rng: &mut Rng,
    form: Form,
    (rows, cols): (usize, usize),
    density: u32,
    numbers: Numbers,
) -> Parts {
    let (major, minor) = match form.major {
        Major::Output => (rows, cols),
        Major::Input => (cols, rows),
    };
    let (mut indptr, mut indices, mut numbers_of) = (Vec::from([0]), Vec::new(), Vec::new());
    for _ in 0..major {
        let chance = match rng.below(16) {
            0 if numbers == Numbers::Wild && density < 256 => 0,
            1 if numbers == Numbers::Wild && density > 0 => 256,
            _ => density,
        };
        for j in 0..minor {
            let present = rng.below(256) < chance;
            let drawn = number(rng, numbers);
            if form.is_sparse() && present {
                indices.push(j as u16);
            }
            if present || !form.is_sparse() {
                numbers_of.push(if present { drawn } else { 0.0 });
            }
        }
        indptr.push(indices.len() as u32);
    }
    let values = match form.value_type {
        ValueType::F32 => Values::F32(numbers_of),
        ValueType::F16 => Values::F16(numbers_of.into_iter().map(half).collect()),
        ValueType::I8 => Values::I8(
            // Anything in −127..=127; a zero stays one.
            numbers_of
                .into_iter()
                .map(|v| (v.to_bits() % 255) as i32 as i8)
                .map(|v| if v == i8::MIN { 127 } else { v })
                .collect(),
        ),
    };
    let scales = match form.value_type {
        ValueType::I8 => (0..rows).map(|_| number(rng, Numbers::Tame)).collect(),
        _ => Vec::new(),
    };
    let packed = Packed::default();
    let mut parts = Parts {
        form,
        rows: major,
        cols: minor,
        indptr,
        indices,
        values,
        scales,
        packed,
    };
    parts.packed = parts.pack().unwrap_or_default();
    parts
}

impl Parts {
    /// The view; `None` if the parts are not well formed, which [`matrix`] never makes.
    pub fn view(&self) -> Option<Matrix<'_>> {
        let stored = match &self.values {
            Values::F32(v) => Stored::F32(self.layout(v)?),
            Values::F16(v) => Stored::F16(self.layout(v)?),
            Values::I8(v) => Stored::I8(self.layout(v)?, &self.scales),
        };
        Matrix::new(self.form.major, stored).ok()
    }

    fn stride(&self) -> Stride {
        Stride::of(self.form.major, self.form.value_type)
    }

    fn layout<'a, V: Value>(&'a self, values: &'a [V]) -> Option<Layout<'a, V>> {
        let (rows, cols) = (self.rows, self.cols);
        let Packed { starts, words } = &self.packed;
        Some(match self.form.pattern {
            Pattern::Dense => Layout::Dense(Dense::new(rows, cols, values).ok()?),
            Pattern::Csr => Layout::Csr(self.csr(values)?),
            Pattern::Gaps => {
                Layout::Gaps(Gaps::<V>::new(rows, cols, self.stride(), starts, words).ok()?)
            }
            Pattern::Nibbles => Layout::Nibbles(Nibbles::<V>::new(rows, cols, starts, words).ok()?),
        })
    }

    fn csr<'a, V: Value>(&'a self, values: &'a [V]) -> Option<Csr<'a, V>> {
        Csr::new(self.rows, self.cols, &self.indptr, &self.indices, values).ok()
    }

    /// The packed parts, from those of CSR.
    fn pack(&self) -> Option<Packed> {
        match &self.values {
            Values::F32(v) => self.pack_values(v),
            Values::F16(v) => self.pack_values(v),
            Values::I8(v) => self.pack_values(v),
        }
    }

    fn pack_values<V: Value>(&self, values: &[V]) -> Option<Packed> {
        let mut packed = Packed::default();
        let Packed { starts, words } = &mut packed;
        if !matches!(self.form.pattern, Pattern::Gaps | Pattern::Nibbles) {
            return Some(packed);
        }
        let csr = Layout::Csr(self.csr(values)?);
        starts.resize(self.rows + 1, 0);
        if self.form.pattern == Pattern::Gaps {
            words.resize(Gaps::size(&csr, self.stride()).ok()?, 0);
            Gaps::pack(&csr, self.stride(), starts, words).ok()?;
        } else {
            words.resize(Nibbles::size(&csr).ok()?, 0);
            Nibbles::pack(&csr, starts, words).ok()?;
        }
        Some(packed)
    }

    /// Row starts, for opponents that want SciPy's arrays.
    pub fn indptr(&self) -> &[u32] {
        &self.indptr
    }

    /// Minor indices.
    pub fn indices(&self) -> &[u16] {
        &self.indices
    }
}

/// [`crate::model::forward`] without a probe, as one symbol whose instructions a test can read.
#[inline(never)]
pub fn forward_unseen(
    isa: crate::kernels::Isa,
    model: &crate::model::Model<'_>,
    state: &mut crate::model::State<'_>,
    token: u32,
) -> Result<(), crate::model::Error> {
    crate::model::forward(isa, model, state, token, &mut crate::probe::NoProbe)
}

/// The same with a probe that looks: the control of that test.
#[inline(never)]
pub fn forward_seen(
    isa: crate::kernels::Isa,
    model: &crate::model::Model<'_>,
    state: &mut crate::model::State<'_>,
    token: u32,
    probe: &mut crate::probe::LogitDigest,
) -> Result<(), crate::model::Error> {
    crate::model::forward(isa, model, state, token, probe)
}
