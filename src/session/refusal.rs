use core::fmt;

use crate::model;

/// Why a session cannot be made or go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The model cannot be run so.
    Model(model::Error),
    /// The machine does not round to nearest even, or flushes subnormals: results would not be the promised bits.
    FloatEnvironment,
    /// There is nothing to continue: no prompt, and no token was run before.
    EmptyPrompt,
    /// Session state was not saved or not restored.
    Save(SaveError),
    /// The self-test did not pass.
    Test(TestError),
}

/// Why saved bytes cannot be written or continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SaveError {
    /// The buffer has too few bytes.
    BufferTooSmall {
        /// Bytes of the save.
        needed: usize,
        /// Length of the buffer.
        given: usize,
    },
    /// The bytes do not start as a save of this version does.
    Magic,
    /// There are more or fewer bytes than position and limits need.
    Length {
        /// Bytes that they need.
        needed: usize,
        /// Bytes given.
        given: usize,
    },
    /// The checksum differs.
    Checksum,
    /// Saved from another model.
    OtherModel,
    /// Saved under another context length, cache type or policy.
    OtherLimits,
    /// A saved number is not finite.
    NonFinite,
}

/// Why the self-test did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TestError {
    /// The file has no golden block.
    NoGolden,
    /// The golden run is not repeatable under these limits: too short a context, or a rounded cache.
    Limits,
    /// Another token was generated.
    Token {
        /// Number of the generated token.
        index: usize,
    },
    /// Another class was found.
    Class,
    /// The residual stream differs; blocks before this one agree.
    Layer {
        /// The first block whose input differs; `n_layers` for the output of the last.
        layer: usize,
    },
    /// Every residual stream agrees and the logits do not.
    Logits,
    /// The logits by these kernels are not those by the portable ones.
    Kernels,
    /// The test is for models of tokens, and this one takes windows.
    Windows,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Model(e) => e.fmt(f),
            Error::FloatEnvironment => f.write_str(
                "the machine does not round to nearest even or flushes subnormal numbers",
            ),
            Error::EmptyPrompt => f.write_str("there is no prompt and nothing to continue"),
            Error::Save(e) => e.fmt(f),
            Error::Test(e) => e.fmt(f),
        }
    }
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SaveError::BufferTooSmall { needed, given } => {
                write!(f, "the save needs {needed} bytes and has {given}")
            }
            SaveError::Magic => f.write_str("bytes are not a saved session of this version"),
            SaveError::Length { needed, given } => {
                write!(f, "the save should have {needed} bytes and has {given}")
            }
            SaveError::Checksum => f.write_str("checksum of the saved session differs"),
            SaveError::OtherModel => f.write_str("the session was saved from another model"),
            SaveError::OtherLimits => f.write_str("the session was saved under other limits"),
            SaveError::NonFinite => f.write_str("a saved number is not finite"),
        }
    }
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            TestError::NoGolden => f.write_str("the model file has no golden run"),
            TestError::Limits => {
                f.write_str("the golden run needs a longer context or an exact cache")
            }
            TestError::Token { index } => write!(f, "generated token {index} differs"),
            TestError::Class => f.write_str("the class of the golden window differs"),
            TestError::Layer { layer } => write!(f, "the input of block {layer} differs"),
            TestError::Kernels => {
                f.write_str("the logits differ from those of the portable kernels")
            }
            TestError::Windows => f.write_str("the model takes windows, the test tokens"),
            TestError::Logits => f.write_str("the logits differ and no block does"),
        }
    }
}

impl core::error::Error for Error {}
impl core::error::Error for SaveError {}
impl core::error::Error for TestError {}

impl From<model::Error> for Error {
    fn from(e: model::Error) -> Self {
        Error::Model(e)
    }
}

impl From<SaveError> for Error {
    fn from(e: SaveError) -> Self {
        Error::Save(e)
    }
}

impl From<TestError> for Error {
    fn from(e: TestError) -> Self {
        Error::Test(e)
    }
}
