//! Models that are part of the program.

use super::header;
use super::{Error, Kind, Needs, directory};
use crate::config::Config;

/// Bytes at a multiple of 64, where payloads want to lie.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Aligned<T: ?Sized>(pub T);

/// A model that is part of the program, made by [`include_model!`](crate::include_model).
#[derive(Clone, Copy, Debug)]
pub struct StaticModel {
    /// The whole file, 64-aligned.
    pub bytes: &'static [u8],
    /// The blueprint, for sizing memory in a `const`.
    pub config: Config,
    /// What a machine must have to run it.
    pub needs: Needs,
}

impl StaticModel {
    /// Checks everything but payloads, padding and checksum: those wait for [`super::File::parse`] at boot.
    ///
    /// # Errors
    /// The first thing that is wrong with header, configuration, directories or sizes.
    pub const fn check(bytes: &[u8]) -> Result<(Config, Needs), Error> {
        let len = tri!(header::total_len(bytes));
        if bytes.len() < len {
            return Err(Error::new(Kind::Truncated, bytes.len()));
        }
        if bytes.len() > len {
            return Err(Error::new(Kind::Length, len));
        }
        let header = tri!(header::parse(bytes));
        tri!(directory::check(bytes, &header));
        Ok((header.config, header.needs))
    }

    /// A model that passes [`StaticModel::check`], for a `const`, where a wrong file must stop the build.
    ///
    /// # Panics
    /// With the error's message, which makes it a compile error.
    pub const fn included(bytes: &'static [u8]) -> Self {
        match Self::check(bytes) {
            Ok((config, needs)) => Self {
                bytes,
                config,
                needs,
            },
            Err(error) => panic!("{}", error.message()),
        }
    }
}

/// A model file as part of the program: a [`StaticModel`](crate::format::StaticModel) for a `const`.
///
/// The path is relative to the source file, as in `include_bytes!`. Header, configuration, directories and sizes are
/// checked while compiling; a wrong file is a compile error that says what is wrong.
///
/// ```
/// use lacuna::format::{File, StaticModel};
///
/// const MODEL: StaticModel = lacuna::include_model!("../../tests/fuzz/seeds/model/plain.lacuna");
/// static RESIDUAL: [f32; MODEL.config.dim] = [0.0; MODEL.config.dim];
///
/// let file = File::parse(MODEL.bytes)?;
/// assert_eq!(file.config().dim, RESIDUAL.len());
/// # Ok::<(), lacuna::format::Error>(())
/// ```
///
/// A file that is no model does not compile:
///
/// ```compile_fail,E0080
/// const MODEL: lacuna::format::StaticModel = lacuna::include_model!("include.rs");
/// ```
#[macro_export]
macro_rules! include_model {
    ($path:expr $(,)?) => {{
        static BYTES: $crate::format::Aligned<[u8; include_bytes!($path).len()]> =
            $crate::format::Aligned(*include_bytes!($path));
        const MODEL: $crate::format::StaticModel = $crate::format::StaticModel::included(&BYTES.0);
        MODEL
    }};
}
