//! The kubelet: whether there is one, and what it effectively works with.
//!
//! In comes the process, the unit with its environment files, the file named
//! by `--config` and its drop-in folder; out come effective values. Flags win
//! over drop-ins, those over the file, and that over the documented default
//! of the version: <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>.

mod declaration;

use super::{Collector, Host};
use crate::fact::Facts;

pub(super) use declaration::{FLAG, GATE};

/// The collector of `kubelet.*` and `node_role`.
pub(super) const COLLECTOR: Collector = Collector { name: "kubelet", facts: declaration::FACTS, needs: &[], collect };

fn collect(_host: &Host, _earlier: &Facts) -> Facts {
    Facts::default()
}
