//! The container of a device plugin, and the MIG strategy that it is given.
//!
//! Sources: image, command, arguments and environment of containers;
//! NVIDIA's plugin reads `--mig-strategy`, else `MIG_STRATEGY`, else the file of
//! `CONFIG_FILE` (<https://github.com/NVIDIA/k8s-device-plugin>). `HAMi`'s program has
//! the same name, so that its image goes first.

use super::sharing::image_of;
use crate::fact::cluster::Object;
use crate::fact::cluster::image::Image;
use crate::fact::cluster::workload::containers;
use crate::fact::{Json, Source};

/// Names of its image, of which the last is that of GKE's own.
const IMAGES: [&str; 3] = ["k8s-device-plugin", "nvidia-device-plugin", "nvidia-gpu-device-plugin"];

/// Whose plugin a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    Nvidia,
    Virtualization,
}

/// The MIG strategy of a plugin as its container says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// A flag or the environment names it.
    Named(String, Source),
    /// A file decides.
    Configured,
    /// Nothing is said, so that it is `none`.
    Default(Source),
    /// It comes from elsewhere.
    Hidden(Source),
}

/// The device plugin in a pod's specification, if one is there.
pub(super) fn plugin(object: &Object<'_>, spec: &Json, path: &str) -> Option<(Maker, Strategy)> {
    containers(spec).filter(|(place, _)| place.starts_with("containers")).find_map(|(place, container)| {
        let image = container.get("image").and_then(Json::as_str).unwrap_or_default();
        let words: Vec<&str> = ["command", "args"]
            .into_iter()
            .flat_map(|key| container.get(key).and_then(Json::as_array).into_iter().flatten())
            .filter_map(Json::as_str)
            .collect();
        let is_program =
            words.iter().any(|word| word.split_whitespace().any(|part| part.ends_with("nvidia-device-plugin")));
        let base = Image::parse(image).repository.rsplit('/').next().unwrap_or_default();
        if image_of(image).is_some() {
            let is_plugin = is_program || base.contains("device-plugin") || base.contains("vdevice");
            return is_plugin.then_some((Maker::Virtualization, Strategy::Configured));
        }
        let own_name = container.get("name").and_then(Json::as_str).unwrap_or_default();
        let is_plugin = is_program || IMAGES.contains(&base);
        // Feature discovery and the configuration's manager share the image.
        let is_other =
            words.iter().any(|word| word.ends_with("gpu-feature-discovery") || word.ends_with("config-manager"))
                || own_name.contains("feature-discovery")
                || own_name.contains("config-manager")
                || own_name.contains("mps-control");
        (is_plugin && !is_other)
            .then(|| (Maker::Nvidia, strategy(object, container, &words, &format!("{path}.{place}"))))
    })
}

fn strategy(object: &Object<'_>, container: &Json, words: &[&str], path: &str) -> Strategy {
    let here = |rest: &str| object.source(format!("{path}{rest}"));
    let mut flags = words.iter().enumerate().filter_map(|(at, word)| {
        let rest = word.trim_start_matches('-').strip_prefix("mig-strategy")?;
        Some(match rest.strip_prefix('=') {
            Some(value) => value.to_owned(),
            None => (*words.get(at + 1)?).to_owned(),
        })
    });
    if let Some(value) = flags.next() {
        return Strategy::Named(value, here(".args"));
    }
    let variables = container.get("env").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let variable = |name: &str| {
        let mut named =
            variables.iter().enumerate().filter(|(_, own)| own.get("name").and_then(Json::as_str) == Some(name));
        named.next_back()
    };
    if let Some((at, own)) = variable("MIG_STRATEGY") {
        let source = here(&format!(".env[{at}]"));
        return match own.get("value").and_then(Json::as_str) {
            Some("") => Strategy::Default(source),
            Some(value) => Strategy::Named(value.to_owned(), source),
            None if own.get("valueFrom").is_some() => Strategy::Hidden(source),
            None => Strategy::Default(source),
        };
    }
    let is_configured = variable("CONFIG_FILE").is_some() || words.iter().any(|word| word.contains("config-file"));
    if is_configured { Strategy::Configured } else { Strategy::Default(here(".image")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::cluster::Request;
    use crate::fact::cluster::resource::DAEMON_SETS;
    use crate::fact::json::json;

    const SETS: Request = Request::all(&DAEMON_SETS);

    fn read(container: &Json) -> Option<(Maker, Strategy)> {
        let spec = json!({"containers": [container]});
        let json = json!({"metadata": {"name": "a", "namespace": "gpu-operator"}});
        plugin(&Object::new(&SETS, &json), &spec, ".spec")
    }

    fn told(container: &Json) -> Option<String> {
        Some(match read(container)?.1 {
            Strategy::Named(strategy, _) => strategy,
            Strategy::Configured => "configured".to_owned(),
            Strategy::Default(_) => "default".to_owned(),
            Strategy::Hidden(_) => "hidden".to_owned(),
        })
    }

    #[test]
    fn a_flag_goes_before_the_environment_and_that_before_the_default() {
        let image = "nvcr.io/nvidia/k8s-device-plugin:v0.20.0";
        let env = json!([{"name": "MIG_STRATEGY", "value": "single"}]);
        let config = json!([{"name": "CONFIG_FILE", "value": "/config/config.yaml"}]);
        let cases = [
            (json!({"image": image, "args": ["--mig-strategy=mixed"], "env": env}), "mixed"),
            (json!({"image": image, "args": ["--mig-strategy", "mixed"]}), "mixed"),
            (json!({"image": image, "env": env}), "single"),
            (json!({"image": image}), "default"),
            (json!({"image": image, "env": config}), "configured"),
            (json!({"image": image, "env": [{"name": "MIG_STRATEGY", "valueFrom": {}}]}), "hidden"),
        ];
        for (container, expected) in cases {
            assert_eq!(told(&container).as_deref(), Some(expected), "{container}");
        }
    }

    #[test]
    fn hamis_plugin_has_the_same_program_and_another_image() {
        let hami = json!({"image": "projecthami/hami:v2.7.1", "command": ["nvidia-device-plugin"]});
        assert_eq!(read(&hami).map(|(maker, _)| maker), Some(Maker::Virtualization));
        let scheduler = json!({"image": "projecthami/hami:v2.7.1", "command": ["scheduler"]});
        assert_eq!(read(&scheduler), None);
    }

    #[test]
    fn feature_discovery_shares_the_image_and_is_no_plugin() {
        let discovery = json!({"name": "gpu-feature-discovery-ctr", "image": "nvcr.io/nvidia/k8s-device-plugin:v0.20.0", "command": ["/usr/bin/gpu-feature-discovery"]});
        assert_eq!(read(&discovery), None);
    }
}
