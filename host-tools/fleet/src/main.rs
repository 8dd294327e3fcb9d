//! The `lacuna-fleet` command.
fn main() {
    let _ = datafusion::prelude::SessionContext::new();
}
