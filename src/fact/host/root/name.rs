//! Names of files as text: every byte string has one, and back.
//!
//! Linux names are bytes. Those that are UTF-8 stay as they are; any other
//! byte becomes one character of Unicode's last private plane, so that a name
//! can be shown, kept in a fact and opened again.

/// Stands for the byte 0; a byte `b` is `ESCAPE + b`.
const ESCAPE: u32 = 0x10_FF00;

/// The text of a name. Characters of the escape's own range that really
/// stand in a name are escaped byte by byte, so that no two names meet.
pub(super) fn to_text(bytes: &[u8]) -> String {
    if bytes.is_ascii() {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_escape(character) {
                let mut buffer = [0; 4];
                text.extend(character.encode_utf8(&mut buffer).bytes().filter_map(escape));
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().copied().filter_map(escape));
    }
    text
}

/// As [`to_text`]; a name without a byte to escape is not copied.
pub(super) fn into_text(bytes: Vec<u8>) -> String {
    if !bytes.is_ascii() {
        return to_text(&bytes);
    }
    String::from_utf8(bytes).unwrap_or_else(|error| to_text(error.as_bytes()))
}

/// The bytes that [`to_text`] was given.
pub(super) fn to_bytes(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u8::try_from(u32::from(character).wrapping_sub(ESCAPE)) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

fn is_escape(character: char) -> bool {
    (ESCAPE..=ESCAPE + 0xFF).contains(&u32::from(character))
}

fn escape(byte: u8) -> Option<char> {
    char::from_u32(ESCAPE + u32::from(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_in_utf8_stays_as_it_is() {
        assert_eq!(to_text("var-lib-größe\\x2d.mount".as_bytes()), "var-lib-größe\\x2d.mount");
    }

    #[test]
    fn a_name_that_uses_the_escape_itself_is_not_taken_for_another() {
        let tricky = "\u{10FFC3}".as_bytes();
        assert_ne!(to_text(tricky), to_text(&[0xC3]));
        assert_eq!(to_bytes(&to_text(tricky)), tricky);
    }

    proptest! {
        #[test]
        fn every_name_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..32)) {
            prop_assert_eq!(to_bytes(&to_text(&bytes)), bytes.as_slice());
            prop_assert_eq!(into_text(bytes.clone()), to_text(&bytes));
        }
    }
}
