//! What a fleet of devices says, asked in SQL.
//!
//! ```text
//! DIR/model=…/device=…/*.parquet ─► schema check ─► DataFusion ─► summary · outliers · drift · sql ─► table, JSON, HTML
//! ```
