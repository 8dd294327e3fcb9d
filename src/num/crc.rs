//! CRC-32/ISO-HDLC: the checksum of zlib, PNG and Ethernet.

const ALGORITHM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
static TABLE: crc::Crc<u32> = ALGORITHM;

/// CRC-32/ISO-HDLC of `bytes`.
pub fn crc32(bytes: &[u8]) -> u32 {
    TABLE.checksum(bytes)
}

/// CRC-32/ISO-HDLC of bytes that arrive in pieces.
#[derive(Clone)]
pub struct Crc32(crc::Digest<'static, u32>);

impl Crc32 {
    /// The checksum of nothing yet.
    pub fn new() -> Self {
        Self(TABLE.digest())
    }

    /// Appends `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of everything appended so far.
    pub fn finish(&self) -> u32 {
        self.0.clone().finalize()
    }
}

impl Default for Crc32 {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Crc32 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Crc32({:08x})", self.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::{Crc32, crc32};

    #[test]
    fn check_value_of_the_catalogue() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn pieces_equal_the_whole() {
        let mut crc = Crc32::new();
        for piece in [&b"1234"[..], b"", b"56789"] {
            crc.update(piece);
        }
        assert_eq!(crc.finish(), crc32(b"123456789"));
    }
}
