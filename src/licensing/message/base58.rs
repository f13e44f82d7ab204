//! Bytes in base 58: letters and digits without those that people mistake for each other.

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The text of some bytes; each leading zero byte is a `1`.
pub(super) fn encode(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut digits: Vec<u8> = Vec::new();
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let letters = digits
        .iter()
        .rev()
        .filter_map(|digit| ALPHABET.get(usize::from(*digit)));
    let ones = std::iter::repeat_n(&b'1', zeros);
    ones.chain(letters).map(|letter| char::from(*letter)).collect()
}

/// The bytes of a text; `None` for a letter outside the alphabet.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let ones = text.bytes().take_while(|letter| *letter == b'1').count();
    let mut bytes: Vec<u8> = Vec::new();
    for letter in text.bytes() {
        let position = ALPHABET.iter().position(|known| *known == letter)?;
        let mut carry = u32::try_from(position).ok()?;
        for byte in &mut bytes {
            carry += u32::from(*byte) * 58;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        while carry > 0 {
            bytes.push((carry & 0xff) as u8);
            carry >>= 8;
        }
    }
    bytes.extend(std::iter::repeat_n(0, ones));
    bytes.reverse();
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_texts_are_read_and_written() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"\0\0", "11"),
            (b"hello world", "StV1DL6CwTryKyV"),
            (b"\0\x01", "12"),
        ] {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).unwrap(), bytes);
        }
        for wrong in ["0", "O", "I", "l", "a b", "ä"] {
            assert_eq!(decode(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
