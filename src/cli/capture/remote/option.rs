//! `--cluster`: which cluster, and where in it the capture runs.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::super::live_option::parse_duration;

/// The namespace of pods that are made, if nothing is said.
const NAMESPACE: &str = "scanner";

/// A capture on nodes of a cluster, from elsewhere.
#[derive(Args, Clone, Debug)]
pub(in crate::cli::capture) struct RemoteArgs {
    /// Capture on the targets' nodes through the API server of the kubeconfig; takes --image or --via
    #[arg(long, help_heading = "Cluster", conflicts_with_all = ["read", "root", "hold", "attended"])]
    cluster: bool,
    /// Use this kubeconfig instead of KUBECONFIG or ~/.kube/config (implies --cluster)
    #[arg(long, value_name = "FILE", help_heading = "Cluster", conflicts_with = "read")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// Use this context of the kubeconfig instead of its current one (implies --cluster)
    #[arg(long, value_name = "NAME", help_heading = "Cluster", conflicts_with = "read")]
    pub(super) context: Option<String>,
    /// Ask as this user (implies --cluster)
    #[arg(long = "as", value_name = "USER", help_heading = "Cluster", conflicts_with = "read")]
    pub(super) as_user: Option<String>,
    /// Ask as a member of this group (repeatable)
    #[arg(long, value_name = "GROUP", requires = "as_user", help_heading = "Cluster")]
    pub(super) as_group: Vec<String>,
    /// Take the targets as this node knows them: for pid/, netns/, container/ and node
    #[arg(long, value_name = "NODE", help_heading = "Cluster")]
    pub(super) node: Option<String>,
    /// Make a pod of this image, which holds this program, on each node; it is deleted at the end
    #[arg(long, value_name = "IMAGE", help_heading = "Cluster")]
    pub(super) image: Option<String>,
    /// Run in this pod, which is on the targets' node and sees its processes (repeatable: one for each node)
    #[arg(long, value_name = "[NAMESPACE/]POD", help_heading = "Cluster", conflicts_with = "image")]
    pub(super) via: Vec<String>,
    /// Namespace of the pods that are made, and of --via
    #[arg(long, value_name = "NAMESPACE", default_value = NAMESPACE, help_heading = "Cluster")]
    pub(super) pod_namespace: String,
    /// Give the pod all rights, where those of a capture do not suffice
    #[arg(long, requires = "image", help_heading = "Cluster")]
    pub(super) privileged: bool,
    /// This program in the image or pod
    #[arg(long, value_name = "PATH", default_value = "scanner", help_heading = "Cluster")]
    pub(super) program: String,
    /// How long a pod may take to start
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration, help_heading = "Cluster")]
    pub(super) start_timeout: Duration,
    /// Print the pods that would be made, for kubectl apply, and make none
    #[arg(long, help_heading = "Cluster")]
    pub(super) dry_run: bool,
}

impl RemoteArgs {
    /// Whether a cluster is meant.
    pub(in crate::cli::capture) fn is_remote(&self) -> bool {
        self.cluster || self.kubeconfig.is_some() || self.context.is_some() || self.as_user.is_some()
    }

    /// The first flag that means something only with a cluster.
    pub(in crate::cli::capture) fn stray_flag(&self) -> Option<&'static str> {
        let given = [
            (self.node.is_some(), "--node"),
            (self.image.is_some(), "--image"),
            (!self.via.is_empty(), "--via"),
            (self.dry_run, "--dry-run"),
        ];
        given.into_iter().find(|(is_given, _)| *is_given).map(|(_, flag)| flag)
    }
}
