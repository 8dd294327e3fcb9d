//! Columns of an answer as plain numbers and words.
//!
//! # Invariants
//! - A column is found by its name and cast, so that the engine may choose its own layout for strings and integers.
//! - Null is NaN among floats, 0 among integers, empty among words; whoever needs the difference asks [`Rows::maybe`].

use datafusion::arrow::array::{Array, ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;

use crate::failure::Failure;

/// A batch of an answer.
pub(crate) struct Rows<'a>(pub(crate) &'a RecordBatch);

impl Rows<'_> {
    fn column(
        &self,
        column: &'static str,
        kind: &DataType,
        wanted: &'static str,
    ) -> Result<ArrayRef, Failure> {
        let wrong = Failure::Column { column, wanted };
        match self.0.column_by_name(column) {
            Some(found) => cast(found, kind).map_err(|_| wrong),
            None => Err(wrong),
        }
    }

    /// Words.
    pub(crate) fn words(&self, column: &'static str) -> Result<Vec<String>, Failure> {
        let wanted = "text";
        let cast = self.column(column, &DataType::Utf8, wanted)?;
        let Some(array) = cast.as_any().downcast_ref::<StringArray>() else {
            return Err(Failure::Column { column, wanted });
        };
        Ok(array
            .iter()
            .map(|w| w.unwrap_or_default().to_owned())
            .collect())
    }

    /// Floats.
    pub(crate) fn floats(&self, column: &'static str) -> Result<Vec<f64>, Failure> {
        let wanted = "number";
        let cast = self.column(column, &DataType::Float64, wanted)?;
        let Some(array) = cast.as_any().downcast_ref::<Float64Array>() else {
            return Err(Failure::Column { column, wanted });
        };
        Ok(array.iter().map(|x| x.unwrap_or(f64::NAN)).collect())
    }

    /// Integers.
    pub(crate) fn integers(&self, column: &'static str) -> Result<Vec<i64>, Failure> {
        let known = self.maybe(column)?.into_iter();
        Ok(known.map(Option::unwrap_or_default).collect())
    }

    /// Integers, of which some are unknown.
    pub(crate) fn maybe(&self, column: &'static str) -> Result<Vec<Option<i64>>, Failure> {
        let wanted = "integer";
        let cast = self.column(column, &DataType::Int64, wanted)?;
        let Some(array) = cast.as_any().downcast_ref::<Int64Array>() else {
            return Err(Failure::Column { column, wanted });
        };
        Ok(array.iter().collect())
    }
}
