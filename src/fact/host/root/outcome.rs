//! What a look at the host gives: found, absent or unreadable.

/// The outcome of a look at the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It is there and was read.
    Found(T),
    /// It is not there: the path, or a folder on the way, does not exist.
    Absent,
    /// It is there or may be, but could not be read. The reason completes
    /// "failed to …": `read /etc/shadow: permission denied`.
    Unreadable(String),
}

impl<T> Outcome<T> {
    /// What was found, if it was.
    pub fn found(self) -> Option<T> {
        match self {
            Outcome::Found(found) => Some(found),
            _ => None,
        }
    }

    /// The outcome with what was found borrowed.
    pub fn as_ref(&self) -> Outcome<&T> {
        match self {
            Outcome::Found(found) => Outcome::Found(found),
            Outcome::Absent => Outcome::Absent,
            Outcome::Unreadable(reason) => Outcome::Unreadable(reason.clone()),
        }
    }

    /// The outcome with what was found turned into something else.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Found(found) => Outcome::Found(turn(found)),
            Outcome::Absent => Outcome::Absent,
            Outcome::Unreadable(reason) => Outcome::Unreadable(reason),
        }
    }

    /// Goes on with what was found.
    pub fn and_then<U>(self, then: impl FnOnce(T) -> Outcome<U>) -> Outcome<U> {
        match self {
            Outcome::Found(found) => then(found),
            Outcome::Absent => Outcome::Absent,
            Outcome::Unreadable(reason) => Outcome::Unreadable(reason),
        }
    }

    /// Looks elsewhere where nothing was there.
    #[must_use]
    pub fn or_else_absent(self, elsewhere: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        match self {
            Outcome::Absent => elsewhere(),
            other => other,
        }
    }

    /// Whether it is there and was read.
    pub fn is_found(&self) -> bool {
        matches!(self, Outcome::Found(_))
    }
}
