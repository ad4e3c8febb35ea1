//! Rights that are given up once everything is open, capabilities(7).

use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs};

/// Gives up all capabilities of the calling thread, for ever, but those to
/// write where only root may where `keeps_files` says so: the next file of a
/// rotation.
///
/// Threads that this one starts later have none either.
///
/// # Errors
/// If the kernel refuses, which it has no reason to.
pub fn drop_capabilities(keeps_files: bool) -> io::Result<()> {
    let wanted = if keeps_files { CapabilitySet::DAC_OVERRIDE } else { CapabilitySet::empty() };
    let kept = wanted & capabilities(None)?.permitted;
    set_no_new_privs(true)?;
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() })?;
    Ok(())
}
