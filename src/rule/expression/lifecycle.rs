//! When support ends: the rows of `rules/data/lifecycle.yaml`.

use std::borrow::Cow;
use std::rc::Rc;

use super::evaluate::Evaluator;
use super::spot::Spot;
use super::value::{Origin, Path, Slot, Stop, slot};
use crate::fact::Fact;

impl<'f> Evaluator<'f> {
    /// The row of a product's cycle: the exact one, else the longest prefix
    /// that ends at a dot.
    pub(super) fn lifecycle(&mut self, product: &str, cycle: &str) -> Slot<'f> {
        let path = |cycle: &str| Rc::new(Path::Root(Cow::Owned(format!("lifecycle({product}, {cycle})"))));
        let tables = self.world.data;
        let cycles = tables.product(product);
        let source = cycles.map(|cycles| Spot::default().of(cycles)).unwrap_or_default();
        let absent = || Err(Stop::Absent(Origin { path: path(cycle), source }));
        let Some(cycles) = cycles else { return absent() };
        if let Fact::Unreadable { .. } = cycles {
            return slot(cycles, path(cycle), Spot::default());
        }
        let mut wanted = cycle;
        loop {
            if let Some(row) = cycles.member(wanted) {
                return slot(row, path(wanted), source);
            }
            match wanted.rsplit_once('.') {
                // Docker and Ubuntu count months: the line of 19.03.15 is 19.3 as a version, 19.03 as a cycle.
                Some((year, month)) if month.len() == 1 => {
                    let padded = format!("{year}.0{month}");
                    if let Some(row) = cycles.member(&padded) {
                        return slot(row, path(&padded), source);
                    }
                    wanted = year;
                }
                Some((shorter, _)) => wanted = shorter,
                None => return absent(),
            }
        }
    }
}
