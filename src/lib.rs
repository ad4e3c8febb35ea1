//! `scanner` judges Linux nodes and Kubernetes clusters by declarative rules.
//!
//! The way of the data is the layout of the folders:
//!
//! ```text
//! facts  ->  rules  ->  findings  ->  reports
//! read once   judged     with proof    rendered
//! ```
//!
//! [`fact`] reads what is true of a host, each value with the place that it
//! was read from; what could not be read stays unreadable and never becomes
//! an answer. [`rule`] holds the rules: YAML files whose conditions are CEL,
//! checked against the catalogue of facts when they are loaded. [`evaluate`]
//! judges facts by rules and gives [`finding`]s, in parallel and in a fixed
//! order. [`report`] renders them. [`cli`] is the only module that prints,
//! reads the clock or the environment, or exits.
//!
//! Apart from these stands [`capture`]: packets read from files and printed.

pub mod capture;
pub mod cli;
pub mod evaluate;
pub mod explain;
pub mod fact;
pub mod finding;
pub mod gate;
pub mod report;
pub mod rule;
