//! The state of a GPU's memory: ECC, and rows and pages that are given up.
//!
//! Source: NVML alone; neither `/proc` nor `/sys` shows it. From Ampere on the
//! driver remaps rows of memory, before that it retires pages (NVIDIA, "GPU
//! Memory Error Management" and "Dynamic Page Retirement"); a GPU supports one
//! of the two, and the other is absent.

use std::collections::BTreeMap;

use super::nvml::Answer;
use crate::fact::host::absence::fact_of;
use crate::fact::host::root::Outcome;
use crate::fact::{Fact, Source};

/// Adds what NVML says of the memory to a GPU's members.
pub(super) fn add_state(asked: Result<&Answer, &(Source, String)>, members: &mut BTreeMap<String, Fact>) {
    let truth = |pick: fn(&Answer) -> &Outcome<bool>| match asked {
        Ok(answer) => fact_of(answer.source.clone(), pick(answer).clone()),
        Err((source, reason)) => Fact::unreadable(source.clone(), reason.as_str()),
    };
    let uncorrected = match asked {
        Ok(answer) => fact_of(answer.source.clone(), answer.ecc_uncorrected.clone()),
        Err((source, reason)) => Fact::unreadable(source.clone(), reason.as_str()),
    };
    members.insert("ecc_enabled".to_owned(), truth(|answer| &answer.ecc_enabled));
    members.insert("ecc_uncorrected".to_owned(), uncorrected);
    members.insert("row_remap_pending".to_owned(), truth(|answer| &answer.row_remap_pending));
    members.insert("row_remap_failed".to_owned(), truth(|answer| &answer.row_remap_failed));
    members.insert("pages_pending".to_owned(), truth(|answer| &answer.pages_pending));
}
