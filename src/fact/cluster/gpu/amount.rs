//! Extended resources of NVIDIA's GPUs, as nodes announce and pods ask for them.
//!
//! Source: `status.capacity` and `status.allocatable` of a Node, which the
//! kubelet fills with what device plugins registered: all devices, and the
//! healthy ones. The names are those of NVIDIA's device plugin, of `HAMi`, of
//! 4paradigm's and Volcano's forks.

use crate::fact::Json;

/// A share that is renamed by `renameByDefault` ends so.
const SHARED: &str = ".shared";

/// Prefix of MIG devices.
const MIG: &str = "nvidia.com/mig-";

/// Parts of a GPU that `HAMi` and Volcano count, which are no devices.
const PARTS: [&str; 7] = [
    "nvidia.com/gpumem",
    "nvidia.com/gpumem-percentage",
    "nvidia.com/gpucores",
    "nvidia.com/priority",
    "volcano.sh/vgpu-memory",
    "volcano.sh/vgpu-memory-percentage",
    "volcano.sh/vgpu-cores",
];

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A GPU, or a share of one.
    Gpu,
    /// A MIG device, by its profile as NVML writes it.
    Mig(String),
    /// Memory or cores of a share.
    Part,
    /// A device of a name that somebody chose, or of another plugin.
    Other,
}

/// What a resource's name stands for; none for one of other devices.
pub(super) fn kind(name: &str) -> Option<Kind> {
    let plain = name.strip_suffix(SHARED).unwrap_or(name);
    if plain == "nvidia.com/gpu" {
        return Some(Kind::Gpu);
    }
    if let Some(profile) = plain.strip_prefix(MIG) {
        return Some(Kind::Mig(nvml_profile(profile)));
    }
    let is_part = PARTS.contains(&name) || (name.starts_with("4paradigm.com/") && !name.ends_with("vgpu"));
    if is_part {
        return Some(Kind::Part);
    }
    let is_other = ["nvidia.com/", "4paradigm.com/", "volcano.sh/vgpu"].iter().any(|prefix| name.starts_with(prefix));
    is_other.then_some(Kind::Other)
}

/// Whether only a virtualization of GPUs has such a resource.
pub(super) fn is_virtual(name: &str) -> bool {
    PARTS.contains(&name) || name.starts_with("4paradigm.com/") || name.starts_with("volcano.sh/vgpu")
}

/// A profile as NVML writes it, from a name that may hold no `+`: `1g.5gb+me` of `1g.5gb.me`.
pub(super) fn nvml_profile(name: &str) -> String {
    match name.split_once("gb.") {
        Some((size, rest)) => format!("{size}gb+{rest}"),
        None => name.to_owned(),
    }
}

/// A whole number, as the API server writes quantities: 1000 is `1k`.
pub(super) fn parse_whole(json: &Json) -> Option<i64> {
    if let Some(number) = json.as_i64() {
        return (number >= 0).then_some(number);
    }
    let text = json.as_str()?;
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = (text.get(..end)?, text.get(end..)?);
    let factor = match unit {
        "" => 1,
        "k" => 1000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(factor)
}

/// What a container or an overhead asks of a resource: extended resources are
/// asked for by their limit, which the request equals.
pub(super) fn asked(container: &Json) -> impl Iterator<Item = (&str, i64)> {
    ["limits", "requests"].into_iter().flat_map(move |list| {
        let members = container.get("resources").and_then(|resources| resources.get(list)).and_then(Json::as_object);
        members.into_iter().flatten().filter_map(|(name, amount)| Some((name, parse_whole(amount)?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_gpus_mig_devices_and_parts_apart() {
        assert_eq!(kind("nvidia.com/gpu"), Some(Kind::Gpu));
        assert_eq!(kind("nvidia.com/gpu.shared"), Some(Kind::Gpu));
        assert_eq!(kind("nvidia.com/mig-1g.5gb.me"), Some(Kind::Mig("1g.5gb+me".to_owned())));
        assert_eq!(kind("nvidia.com/mig-1g.10gb.shared"), Some(Kind::Mig("1g.10gb".to_owned())));
        assert_eq!(kind("nvidia.com/gpumem"), Some(Kind::Part));
        assert_eq!(kind("nvidia.com/tesla-v100"), Some(Kind::Other));
        assert_eq!(kind("volcano.sh/vgpu-number"), Some(Kind::Other));
        assert_eq!(kind("amd.com/gpu"), None);
        assert_eq!(kind("cpu"), None);
    }

    #[test]
    fn quantities_are_whole_numbers_in_the_servers_form() {
        let whole = |text: &str| parse_whole(&Json::from(text));
        assert_eq!(whole("8"), Some(8));
        assert_eq!(whole("10k"), Some(10_000));
        assert_eq!(whole("1Ki"), Some(1024));
        assert_eq!(parse_whole(&Json::from(7)), Some(7));
        for wrong in ["", "k", "-1", "1.5", "8 GPUs", "99999999999999999999", "9223372036854775807k"] {
            assert_eq!(whole(wrong), None, "{wrong}");
        }
        assert_eq!(parse_whole(&Json::Null), None);
    }
}
