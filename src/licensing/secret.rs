//! A value that must not be seen: it prints as `<secret>` and is wiped when dropped.

use std::fmt;

use zeroize::Zeroize;

/// Holds a token, a password or a private key. It cannot be printed, logged or serialised by accident: whoever needs
/// the value says [`Secret::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub fn new(value: T) -> Secret<T> {
        Secret(value)
    }

    /// The value itself, for the one place that needs it.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl<T: Zeroize> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let token = Secret::new("ZjQ2Yz".to_owned());
        assert_eq!(
            format!("{token} {token:?} {:?}", Some(&token)),
            "<secret> <secret> Some(<secret>)"
        );
        assert_eq!(token.reveal(), "ZjQ2Yz");
    }
}
