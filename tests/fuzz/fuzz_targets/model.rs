//! Bytes into `File::parse`, as they are and with a good magic, length and checksum; then everything a caller can do.
#![no_main]

use lacuna::format::{File, MAGIC, StaticModel, VERSION};
use lacuna::num::crc32;
use libfuzzer_sys::fuzz_target;
use zerocopy::IntoBytes;

#[path = "../../format/touch.rs"]
mod touch;

fuzz_target!(|data: &[u8]| {
    let mut words = vec![[0u32; 16]; data.len().div_ceil(64)];
    let bytes = &mut words.as_mut_bytes()[..data.len()];
    bytes.copy_from_slice(data);
    if let Ok(file) = File::parse(bytes) {
        touch::touch(&file);
    }
    if bytes.len() < 20 {
        return;
    }
    // The checksum would hide all but one input in four billion from what lies behind it.
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let len = (bytes.len() as u32).to_le_bytes();
    bytes[12..16].copy_from_slice(&len);
    let crc = crc32(&bytes[20..]).to_le_bytes();
    bytes[16..20].copy_from_slice(&crc);
    let parsed = File::parse(bytes);
    if let Ok(file) = &parsed {
        touch::touch(file);
    }
    let checked = StaticModel::check(bytes);
    assert!(
        checked.is_ok() || parsed.is_err(),
        "what compiles into a program is no stricter than the reader"
    );
});
