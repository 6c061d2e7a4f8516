//! Undoing the change of a single byte, by the digest of what was written.

use rayon::prelude::*;
use twox_hash::XxHash3_128;

/// Longer files would take minutes: time grows with the square of the length.
const LONGEST: usize = 1 << 14;

/// The bytes that have this digest and differ from those given in one byte, or not at all.
///
/// A digest of 128 bits belongs to no other bytes by chance: what is found is what was written.
pub(crate) fn restored(bytes: &[u8], digest: &str) -> Option<Vec<u8>> {
    let digest = u128::from_str_radix(digest.strip_prefix("xxh3-128:")?, 16).ok()?;
    if XxHash3_128::oneshot(bytes) == digest {
        return Some(bytes.to_vec());
    }
    if bytes.len() > LONGEST {
        return None;
    }
    (0..bytes.len()).into_par_iter().find_map_any(|place| {
        let mut tried = bytes.to_vec();
        for byte in (0..=u8::MAX).filter(|&byte| byte != bytes[place]) {
            tried[place] = byte;
            if XxHash3_128::oneshot(&tried) == digest {
                return Some(tried);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Digest;

    #[test]
    fn one_changed_byte_is_put_back_and_two_are_not() {
        let written = b"learning_rate = 0.0004\nh_y_bits = 0.9997\n".repeat(20);
        let digest = Digest::of(&written);
        assert_eq!(restored(&written, &digest), Some(written.clone()));
        for place in [0, 17, written.len() - 1] {
            let mut changed = written.clone();
            changed[place] ^= 0x15;
            assert_eq!(restored(&changed, &digest).as_ref(), Some(&written), "{place}");
            changed[place / 2 + 3] ^= 1;
            assert_eq!(restored(&changed, &digest), None, "{place}");
        }
        assert_eq!(restored(&written[1..], &digest), None);
        assert_eq!(restored(&written, "no digest"), None);
    }
}
