//! Rules and facts make findings.
