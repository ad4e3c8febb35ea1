//! cri-dockerd, which answers CRI in front of Docker since dockershim is gone.
//!
//! In: its process, package and unit. Out: the facts `cri_dockerd.*`. It has no
//! cgroup driver of its own and takes Docker's. Truth:
//! <https://github.com/Mirantis/cri-dockerd>; `RuntimeConfig` since 0.3.17.

use super::flag::parse_flags;
use crate::fact::host::root::Outcome;
use crate::fact::host::runtime::presence::{Traces, find_process, read_package_version, read_present, read_running};
use crate::fact::host::{Host, unit};
use crate::fact::version::Version;
use crate::fact::{Fact, Facts, Source};

const CRI_DOCKERD: &Traces = &Traces {
    programs: &["cri-dockerd"],
    packages: &["cri-dockerd"],
    units: &["cri-docker.service", "cri-dockerd.service"],
    files: &[],
};

/// Puts the facts of cri-dockerd.
pub(super) fn set_cri_dockerd(host: &Host, facts: &mut Facts) {
    let present = read_present(host, CRI_DOCKERD);
    let version = read_package_version(host, CRI_DOCKERD, present.bool());
    let answers = match (version.text().and_then(Version::parse), Version::parse("0.3.17"), version.source()) {
        (Some(version), Some(since), Some(source)) => Fact::known(version >= since, source.clone()),
        _ => version.clone(),
    };
    facts.set("cri_dockerd.pause_image", read_pause_image(host));
    facts.set("cri_dockerd.answers_runtime_config", answers);
    facts.set("cri_dockerd.running", read_running(host, CRI_DOCKERD));
    facts.set("cri_dockerd.version", version);
    facts.set("cri_dockerd.present", present);
}

/// The pause image of the running process, else of the unit.
fn read_pause_image(host: &Host) -> Fact {
    let name = "pod-infra-container-image";
    if let Outcome::Found(process) = find_process(host, CRI_DOCKERD.programs) {
        let source = Source::file(process.command_line_path());
        return process
            .flag(name)
            .map_or_else(|| Fact::absent(source.clone()), |image| Fact::known(image, source.clone()));
    }
    let path = "/usr/lib/systemd/system/cri-docker.service";
    for name_of_unit in CRI_DOCKERD.units {
        if let Outcome::Found(unit) = unit::read_unit(&host.root, name_of_unit) {
            let flag = parse_flags(&unit::read_command(&host.root, &unit)).into_iter().rfind(|flag| flag.key == name);
            return flag
                .map_or_else(|| Fact::absent(Source::file(&unit.path)), |flag| Fact::known(flag.value, flag.source));
        }
    }
    Fact::absent(Source::file(path))
}
