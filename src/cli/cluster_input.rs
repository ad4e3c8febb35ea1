//! The cluster that is judged: live, by its API server, or objects from files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use clap::Args;

use super::failure::Failure;
use super::input::read_cluster_facts;
use super::interrupt::{Outcome, Work};
use super::object_file;
use super::terminal::Terminal;
use crate::fact::cluster::Collection;
use crate::fact::cluster::client::{self, Access, Fault, Tally};
use crate::fact::{Facts, JOINING};
use crate::report::Taken;
use crate::rule::{Rule, RuleSet};

/// How long the client may take to end by itself when its time is over.
const GRACE: Duration = Duration::from_secs(1);

/// Which cluster.
#[derive(Args, Clone, Debug)]
pub(crate) struct ClusterArgs {
    /// Judge cluster objects from files: YAML or JSON, single objects, Lists, or folders of these; `-` is stdin (repeatable)
    #[arg(long, value_name = "PATH", help_heading = "Input", conflicts_with_all = ["cluster", "kubeconfig", "context", "as_user", "as_group"])]
    pub(crate) objects: Vec<PathBuf>,
    /// Judge the live cluster of the kubeconfig, or of the pod this runs in; it is only read
    #[arg(long, help_heading = "Cluster")]
    cluster: bool,
    /// Use this kubeconfig instead of KUBECONFIG or ~/.kube/config (implies --cluster)
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,
    /// Use this context of the kubeconfig instead of its current one (implies --cluster)
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    context: Option<String>,
    /// Report only on objects of this namespace, and on those of none
    #[arg(short, long, value_name = "NAMESPACE", help_heading = "Cluster")]
    pub(crate) namespace: Option<String>,
    /// Ask as this user, such as system:serviceaccount:audit:scanner (implies --cluster)
    #[arg(long = "as", value_name = "USER", help_heading = "Cluster")]
    as_user: Option<String>,
    /// Ask as a member of this group (repeatable)
    #[arg(long, value_name = "GROUP", requires = "as_user", help_heading = "Cluster")]
    as_group: Vec<String>,
}

/// The facts of a cluster and its name.
#[derive(Debug, Default)]
pub(crate) struct NamedCluster {
    pub(crate) name: String,
    pub(crate) facts: Facts,
    /// Documents of the input that could not be read; they were told of.
    pub(crate) broken_documents: usize,
    /// What it took to read it.
    pub(crate) taken: Taken,
}

impl ClusterArgs {
    /// Whether a cluster is to be judged.
    pub(crate) fn is_named(&self) -> bool {
        !self.objects.is_empty() || self.is_live()
    }

    /// Whether an API server is to be asked.
    pub(crate) fn is_live(&self) -> bool {
        self.cluster || self.kubeconfig.is_some() || self.context.is_some() || self.as_user.is_some()
    }

    /// Reads the wanted facts; none where no cluster is named.
    pub(crate) fn read(
        &self,
        wanted: &BTreeSet<String>,
        timing: (Instant, Duration),
        work: &Work,
        terminal: Terminal,
    ) -> Result<Option<NamedCluster>, Failure> {
        if self.is_live() {
            return self.read_live(Collection::new(wanted), timing, work, terminal).map(Some);
        }
        if !self.objects.is_empty() {
            return self.read_files(wanted, timing, work, terminal).map(Some);
        }
        Ok(None)
    }

    /// Asks the API server for what a collection needs.
    pub(crate) fn read_live(
        &self,
        collection: Collection,
        (started, limit): (Instant, Duration),
        work: &Work,
        terminal: Terminal,
    ) -> Result<NamedCluster, Failure> {
        let server = self.access().resolve().map_err(|fault| failure(&fault))?;
        let (collection, tally) = (Arc::new(collection), Arc::new(Tally::default()));
        let (sender, receiver) = channel();
        let line = || {
            let counts = tally.counts();
            let seconds = started.elapsed().as_secs();
            let (done, kinds, objects) = (counts.kinds_done, counts.kinds, counts.objects);
            format!("reading the cluster: {done} of {kinds} lists, {objects} objects, {seconds} s")
        };
        let line: Option<&dyn Fn() -> String> = if terminal.shows_progress { Some(&line) } else { None };
        let outcome = work.wait_with(started + limit + GRACE, line, {
            let (server, collection, tally) = (server.clone(), Arc::clone(&collection), Arc::clone(&tally));
            // The receiver is gone only where nobody waits any more.
            move || drop(sender.send(client::read(&server, &collection, &tally, (started, limit))))
        });
        let reason = match outcome {
            Outcome::Done => {
                if let Ok(Err(fault)) = receiver.try_recv() {
                    return Err(failure(&fault));
                }
                "the client did not read it"
            }
            Outcome::TimedOut if tally.counts().kinds == 0 => {
                let cause = "no connection was made".to_owned();
                return Err(failure(&Fault::TooLate { url: server.url(), limit: format!("{limit:?}"), cause }));
            }
            Outcome::TimedOut => "not read within the --timeout",
            Outcome::Interrupted => "not read before the run was interrupted",
        };
        let counts = tally.counts();
        let taken = Taken {
            requests: Some(counts.requests),
            bytes: counts.bytes,
            objects: counts.objects,
            peak_memory_bytes: peak_memory_bytes(),
        };
        Ok(NamedCluster { name: server.name, facts: collection.facts(reason), broken_documents: 0, taken })
    }

    /// The way to the cluster.
    fn access(&self) -> Access {
        access(self.kubeconfig.as_deref(), self.context.as_deref(), self.as_user.as_deref(), &self.as_group)
    }

    fn read_files(
        &self,
        wanted: &BTreeSet<String>,
        (started, limit): (Instant, Duration),
        work: &Work,
        terminal: Terminal,
    ) -> Result<NamedCluster, Failure> {
        let collection = Arc::new(Collection::new(wanted));
        let (sender, receiver) = channel();
        let outcome = work.wait_for(started + limit, terminal.shows_progress, {
            let (paths, collection) = (self.objects.clone(), Arc::clone(&collection));
            // The receiver is gone only where nobody waits any more.
            move || drop(sender.send(object_file::read(&paths, &collection)))
        });
        let mut cluster = NamedCluster { name: "cluster".to_owned(), ..NamedCluster::default() };
        let reason = match (outcome, receiver.try_recv()) {
            (Outcome::Done, Ok(held)) => {
                let held = held?;
                for fault in &held.faults {
                    terminal.error(&format!("error: failed to read {}", fault.text()));
                }
                if held.objects == 0 && held.faults.is_empty() {
                    return Err(Failure::new(
                        "read the objects: there is no Kubernetes object in what --objects names".to_owned(),
                    ));
                }
                cluster.broken_documents = held.faults.len();
                cluster.taken = Taken { bytes: held.bytes, objects: held.objects, ..Taken::default() };
                "it was not read"
            }
            (Outcome::Interrupted, _) => "not read before the run was interrupted",
            _ => "not read within the --timeout",
        };
        cluster.facts = collection.facts(reason);
        Ok(cluster)
    }
}

/// The way to a cluster, as kubectl finds it.
#[expect(clippy::disallowed_methods, reason = "this is where the environment enters")]
pub(crate) fn access(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
    user: Option<&str>,
    groups: &[String],
) -> Access {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let kubeconfigs = match (kubeconfig, get("KUBECONFIG")) {
        (Some(path), _) => vec![path.to_owned()],
        (None, Some(list)) => std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        (None, None) => get("HOME").map(|home| Path::new(&home).join(".kube/config")).into_iter().collect(),
    };
    Access {
        kubeconfigs,
        is_named: kubeconfig.is_some(),
        context: context.map(str::to_owned),
        impersonate: user.map(str::to_owned),
        impersonate_groups: groups.to_vec(),
        service_account: client::SERVICE_ACCOUNT.into(),
        service: get("KUBERNETES_SERVICE_HOST").zip(get("KUBERNETES_SERVICE_PORT")),
        proxy: get("HTTPS_PROXY").or_else(|| get("https_proxy")),
        no_proxy: get("NO_PROXY").or_else(|| get("no_proxy")),
    }
}

/// The facts that rules need; where hosts are judged beside a cluster, those too
/// that tell which node a host is.
pub(super) fn facts_wanted(rules: &RuleSet, selected: &[&Rule], is_joined: bool) -> BTreeSet<String> {
    let mut wanted = rules.facts_needed(selected);
    if is_joined {
        wanted.extend(JOINING.map(str::to_owned));
    }
    wanted
}

/// The cluster that was read, or the one that a facts document is about.
pub(crate) fn or_from_facts(cluster: Option<NamedCluster>, paths: &[PathBuf]) -> Result<Option<NamedCluster>, Failure> {
    if cluster.is_some() {
        return Ok(cluster);
    }
    let named = read_cluster_facts(paths)?;
    Ok(named.map(|named| NamedCluster { name: named.name, facts: named.facts, ..NamedCluster::default() }))
}

/// What a live cluster took, with the most memory that was held up to now.
pub(super) fn with_present_peak(mut taken: Taken) -> Taken {
    if taken.peak_memory_bytes.is_some() {
        taken.peak_memory_bytes = peak_memory_bytes();
    }
    taken
}

/// The most memory that this process has held, `proc_pid_status(5)`.
#[expect(clippy::disallowed_methods, reason = "this process itself, not the host that is judged")]
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib: u64 =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().split(' ').next()?.parse().ok()?;
    Some(kib << 10)
}

/// A fault as users meet it.
pub(crate) fn failure(fault: &Fault) -> Failure {
    Failure::new(fault.to_string()).with_help_if(fault.help())
}
