//! Bearer tokens: who is meant by each.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::people::User;

/// Tokens that are known. They are kept as their hashes: what is compared then says nothing of how
/// near a guess was, and a token is in no dump of the server.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    known: BTreeMap<[u8; 32], User>,
}

impl Tokens {
    /// Makes a token somebody's.
    pub fn give(&mut self, token: &str, user: User) {
        self.known.insert(hash(token), user);
    }

    /// Whose a token is; nothing where it is nobody's.
    pub fn whose(&self, token: &str) -> Option<&User> {
        self.known.get(&hash(token))
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token that stands for two people, or one that stands for anybody, is a hole in every rule.
    #[test]
    fn a_token_is_one_persons() {
        let mut tokens = Tokens::default();
        tokens.give("abc", User::authenticated("zhou", &["emergency-duty"]));
        tokens.give("abd", User::authenticated("lin", &[]));
        let name = |token| tokens.whose(token).map(|user| user.name.as_str());
        assert_eq!(name("abc"), Some("zhou"));
        assert_eq!(name("abd"), Some("lin"));
        assert_eq!((name("ab"), name("")), (None, None));
        assert!(!format!("{tokens:?}").contains("abc"));
    }
}
