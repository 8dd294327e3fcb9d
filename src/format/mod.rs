//! The model file.

pub mod schema;
