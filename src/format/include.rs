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
    pub const fn new(bytes: &'static [u8]) -> Result<Self, Error> {
        let len = tri!(header::total_len(bytes));
        if bytes.len() < len {
            return Err(Error::new(Kind::Truncated, bytes.len()));
        }
        if bytes.len() > len {
            return Err(Error::new(Kind::Length, len));
        }
        let header = tri!(header::parse(bytes));
        tri!(directory::check(bytes, &header));
        Ok(Self {
            bytes,
            config: header.config,
            needs: header.needs,
        })
    }

    /// [`StaticModel::new`] for a `const`, where a wrong file must stop the build.
    ///
    /// # Panics
    /// With the error's message, which makes it a compile error.
    pub const fn included(bytes: &'static [u8]) -> Self {
        match Self::new(bytes) {
            Ok(model) => model,
            Err(error) => panic!("{}", error.message()),
        }
    }
}

/// A model file as part of the program: a [`StaticModel`](crate::format::StaticModel) for a `const`.
///
/// The path is relative to the source file, as in `include_bytes!`. Header, configuration, directories and sizes are
/// checked while compiling; a wrong file is a compile error that says what is wrong.
///
/// ```text
/// const MODEL: StaticModel = lacuna::include_model!("model.lacuna");
/// static ARENA: ConstStaticCell<Arena<{ State::len(&MODEL.config, &Limits::new(&MODEL.config)) }>> = …;
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
