//! The messages of the calls that are asked, by hand.
//!
//! Field numbers are those of `runtime.v1`'s `api.proto`
//! (<https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto>);
//! `runtime.v1alpha2` has the same ones for `Version` and `Status`. What is not
//! declared here is skipped when it is decoded.

use std::collections::HashMap;

/// Asks who is there.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct VersionRequest {
    /// Version of the kubelet's API; runtimes do not look at it.
    #[prost(string, tag = "1")]
    pub(super) version: String,
}

/// Who is there. Fields are named as in the specification.
#[expect(clippy::struct_field_names, reason = "the specification's names")]
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct VersionResponse {
    /// Name of the runtime.
    #[prost(string, tag = "2")]
    pub(super) runtime_name: String,
    /// Its version.
    #[prost(string, tag = "3")]
    pub(super) runtime_version: String,
    /// Version of the API that it speaks.
    #[prost(string, tag = "4")]
    pub(super) runtime_api_version: String,
}

/// Asks for conditions, and with `verbose` for the loaded configuration.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct StatusRequest {
    /// Whether `info` is wanted.
    #[prost(bool, tag = "1")]
    pub(super) verbose: bool,
}

/// Conditions and configuration.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct StatusResponse {
    /// Conditions.
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<RuntimeStatus>,
    /// JSON texts by name; `config` is the loaded configuration.
    #[prost(map = "string, string", tag = "2")]
    pub(super) info: HashMap<String, String>,
}

/// Conditions of the runtime.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct RuntimeStatus {
    /// One for each thing that may be ready.
    #[prost(message, repeated, tag = "1")]
    pub(super) conditions: Vec<RuntimeCondition>,
}

/// Whether one thing is ready.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct RuntimeCondition {
    /// `RuntimeReady`, `NetworkReady`, or the runtime's own.
    #[prost(string, tag = "1")]
    pub(super) r#type: String,
    /// Whether it is.
    #[prost(bool, tag = "2")]
    pub(super) status: bool,
    /// Why, in one word.
    #[prost(string, tag = "3")]
    pub(super) reason: String,
    /// Why, in words.
    #[prost(string, tag = "4")]
    pub(super) message: String,
}

/// Asks for the configuration that the kubelet has to share.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct RuntimeConfigRequest {}

/// The configuration that the kubelet has to share.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct RuntimeConfigResponse {
    /// Linux only. An answer without it says nothing of the cgroup driver.
    #[prost(message, optional, tag = "1")]
    pub(super) linux: Option<LinuxRuntimeConfiguration>,
}

/// Configuration of a runtime on Linux.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct LinuxRuntimeConfiguration {
    /// `CgroupDriver`: 0 is SYSTEMD, 1 is CGROUPFS. Proto3 does not send a
    /// zero, so only the presence of the message around it tells.
    #[prost(int32, tag = "1")]
    pub(super) cgroup_driver: i32,
}
