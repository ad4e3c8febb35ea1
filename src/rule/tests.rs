//! Rule files: what is refused and how it is shown, and what a rule says.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::expression::World;
use super::file::{Extent, RuleFile, read};
use super::judge::{Judgement, judge};
use super::{Diagnostic, Rule, Severity, Verdict, data};
use crate::fact::{Fact, Facts, Kin, ObjectReference, Source, Twin, Value};

const GOOD: &str = r#"title: kubelet and container runtime use different cgroup drivers
severity:
  - {when: runtime.name == "docker", use: high}
  - {use: critical}
target: host
why: Two managers of one tree.
when: kubelet.present && runtime.present
expect: kubelet.cgroup_driver == runtime.cgroup_driver
message: kubelet uses {{ kubelet.cgroup_driver }} but {{ runtime.name }} uses {{ runtime.cgroup_driver }}
evidence: [kubelet.cgroup_driver, runtime.cgroup_driver]
fix: |
  Set it in
  {{ kubelet.config_path }}.
references: [https://kubernetes.io/docs/]
"#;

fn parse(text: &str, with_examples: bool) -> Result<Rule, Vec<Diagnostic>> {
    let file = RuleFile {
        path: "rules/runtime/x.yaml".to_owned(),
        name: "runtime/x".to_owned(),
        tree: &[],
        text: text.to_owned().into(),
        is_builtin: false,
    };
    read(&file, &["lifecycle"], Extent { with_examples, with_cluster: true })
}

fn rule(text: &str) -> Rule {
    parse(text, false).unwrap_or_else(|faults| panic!("{}", faults[0].render(false)))
}

/// A good rule with one line replaced: its faults, as a user reads them.
fn faults(line: &str, with: &str) -> String {
    assert!(GOOD.contains(line), "the rule has the line {line}");
    let faults = parse(&GOOD.replacen(line, with, 1), false).expect_err("the rule is wrong");
    faults.iter().map(|fault| fault.render(false)).collect::<Vec<_>>().join("\n\n")
}

fn judgements(rule: &Rule, facts: &Facts) -> Vec<Judgement> {
    let data = data::Tables::default();
    let now: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
    let mut judgements = Vec::new();
    let world = World { facts, beside: None, data: &data, now, missing_is_absent: false };
    judge(&rule.form, world, &mut |judgement| judgements.push(judgement));
    judgements
}

fn node() -> Facts {
    let mut facts = Facts::default();
    facts.set("kubelet.present", Fact::known(true, Source::file("/proc/7/cmdline")));
    facts.set("kubelet.cgroup_driver", Fact::known("cgroupfs", Source::line("/var/lib/kubelet/config.yaml", 12)));
    facts.set("kubelet.config_path", Fact::known("/var/lib/kubelet/config.yaml", Source::file("/proc/7/cmdline")));
    facts.set("runtime.present", Fact::known(true, Source::file("/proc/8/cmdline")));
    facts.set("runtime.name", Fact::known("containerd", Source::file("/proc/8/cmdline")));
    facts.set("runtime.cgroup_driver", Fact::known("systemd", Source::line("/etc/containerd/config.toml", 40)));
    facts
}

#[test]
fn a_failure_carries_its_message_its_evidence_and_its_fix() {
    let judged = judgements(&rule(GOOD), &node());
    assert_eq!(judged.len(), 1);
    assert_eq!(judged[0].verdict, Verdict::Fail);
    assert_eq!(judged[0].severity, Severity::Critical);
    assert_eq!(judged[0].message, "kubelet uses cgroupfs but containerd uses systemd");
    assert_eq!(judged[0].fix.as_deref(), Some("Set it in\n/var/lib/kubelet/config.yaml."));
    let pieces: Vec<_> = judged[0].evidence.iter().map(|piece| (piece.fact.as_str(), piece.source.clone())).collect();
    assert_eq!(
        pieces,
        [
            ("kubelet.cgroup_driver", Some(Source::line("/var/lib/kubelet/config.yaml", 12))),
            ("runtime.cgroup_driver", Some(Source::line("/etc/containerd/config.toml", 40))),
        ]
    );
}

/// A list of workloads: 100 pods that differ in their names alone, held as
/// twins or each by itself.
fn pods(are_twins: bool) -> Facts {
    let object = |name: &str| {
        let (api_version, kind, namespace) = ("v1".to_owned(), "Pod".to_owned(), Some("shop".to_owned()));
        Arc::new(ObjectReference { api_version, kind, namespace, name: name.to_owned() })
    };
    let nameless = object("");
    let at = |path: &'static str| Source::object(&nameless, path);
    let group = |members: Vec<(&str, Fact)>| -> BTreeMap<String, Fact> {
        members.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect()
    };
    let subject = group(vec![
        ("api_version", Fact::group("v1")),
        ("kind", Fact::group("Pod")),
        ("name", Fact::group("")),
        ("namespace", Fact::group("shop")),
    ]);
    let image = |tag: &str| Fact::group(group(vec![("name", Fact::known(tag, at(".spec.containers[0].image")))]));
    let members = group(vec![
        ("name", Fact::known("", at(".metadata.name"))),
        ("namespace", Fact::known("shop", at(".metadata.namespace"))),
        ("subject", Fact::group(subject)),
        ("kind", Fact::known("Pod", at(".kind"))),
        ("images", Fact::group(vec![image("web:latest"), image("side:1")])),
        ("runtime_class", Fact::absent(at(".spec.runtimeClassName"))),
        ("host_pid", Fact::unreadable(at(".spec.hostPID"), "it is not true or false")),
    ]);
    let kin = Arc::new(Kin::new(Arc::clone(&nameless), members));
    let twin = |number: u32| Twin::new(format!("web-{number}").into(), Arc::clone(&kin));
    let fact = |number| match twin(number) {
        twin if are_twins => Fact::group(Value::Twin(twin)),
        twin => Fact::group(twin.to_map()),
    };
    let mut facts = Facts::default();
    facts.set("workloads", Fact::group((0..100).map(fact).collect::<Vec<_>>()));
    facts
}

#[test]
fn a_twin_is_judged_as_if_it_were_held_by_itself() {
    let text = r#"title: an image moves
severity: low
target: cluster
why: It moves.
each: workloads
as: w
subject: w.subject
key: w.kind + " " + w.subject.namespace + "/" + w.name
expect: EXPECT
message: '{{ w.name }} of {{ w.subject.name }}: {{ w.images }}, {{ w.runtime_class }}, {{ size(w) }}'
evidence: [w.name, w.namespace, w.subject, w.runtime_class, w.host_pid, 'w.images.map(i, i.name)', w, w.images]
fix: Pin {{ w.images[0].name }}.
references: [https://kubernetes.io/docs/]
"#;
    for expect in ["w.images.all(i, i.name == \"side:1\")", "w.host_pid", "w.name == \"web-7\"", "has(w.runtime_class)"]
    {
        let rule = rule(&text.replace("EXPECT", &format!("'{expect}'")));
        let (twins, others) = (judgements(&rule, &pods(true)), judgements(&rule, &pods(false)));
        assert_eq!((twins.len(), &twins), (100, &others), "{expect}");
        let Some(Source::Object { object, path }) = &twins[7].evidence[0].source else { panic!("{:?}", twins[7]) };
        assert_eq!((object.name.as_str(), path.as_ref()), ("web-7", ".metadata.name"));
    }
    let rest = text.lines().filter(|line| !["each", "as:", "subject", "key"].iter().any(|key| line.starts_with(key)));
    let whole = rest.map(|line| match line {
        _ if line.starts_with("expect") => {
            "expect: 'workloads.filter(w, w.name.endsWith(\"1\")).size() == 0'".to_owned()
        }
        _ if line.starts_with("evidence") => {
            "evidence: ['workloads.filter(w, w.name.endsWith(\"1\")).map(w, w.subject)']".to_owned()
        }
        _ if line.starts_with("message") => "message: '{{ workloads.map(w, w.name) }}'".to_owned(),
        _ if line.starts_with("fix") => "fix: Pin it.".to_owned(),
        line => line.to_owned(),
    });
    let rule = rule(&(whole.collect::<Vec<_>>().join("\n") + "\n"));
    assert_eq!(judgements(&rule, &pods(true)), judgements(&rule, &pods(false)));
    assert_eq!(judgements(&rule, &pods(true))[0].evidence.len(), 10);
}

#[test]
fn a_twin_is_written_as_if_it_were_held_by_itself() {
    assert_eq!(serde_json::to_value(pods(true)).unwrap(), serde_json::to_value(pods(false)).unwrap());
    let read: Facts = serde_json::from_value(serde_json::to_value(pods(true)).unwrap()).unwrap();
    assert_eq!(read, pods(false));
}

#[test]
fn a_long_list_of_facts_is_walked_to_its_end() {
    let one = Fact::group(BTreeMap::from([("kind".to_owned(), Fact::group("Pod"))]));
    let mut facts = Facts::default();
    facts.set("workloads", Fact::group(vec![one; 120_000]));
    let text =
        GOOD.replace("target: host", "target: cluster").replace("when: kubelet.present && runtime.present\n", "");
    let text = text.replace(
        "kubelet.cgroup_driver == runtime.cgroup_driver",
        "'!workloads.exists(w, w.kind == \"Job\" || w.kind == \"CronJob\")'",
    );
    let text = text
        .replace("  - {when: runtime.name == \"docker\", use: high}\n", "")
        .replace("{{ kubelet.config_path }}", "x");
    let text = text.replace(
        "kubelet uses {{ kubelet.cgroup_driver }} but {{ runtime.name }} uses {{ runtime.cgroup_driver }}",
        "x",
    );
    let text = text.replace("[kubelet.cgroup_driver, runtime.cgroup_driver]", "[workloads.size()]");
    let judged = judgements(&rule(&text), &facts);
    assert_eq!((judged[0].verdict, judged[0].message.as_str()), (Verdict::Pass, ""));
    let squared = text
        .replace("!workloads.exists(w, ", "!workloads.exists(v, workloads.exists(w, ")
        .replace("\"CronJob\")", "\"CronJob\"))");
    let judged = judgements(&rule(&squared), &facts);
    assert_eq!(
        (judged[0].verdict, judged[0].message.as_str()),
        (Verdict::Unknown, "the expression needs too many steps")
    );
}

#[test]
fn an_unreadable_fact_makes_the_rule_unknown_with_its_reason() {
    let mut facts = node();
    let reason = "read /var/lib/kubelet/config.yaml: permission denied";
    facts.set("kubelet.cgroup_driver", Fact::unreadable(Source::file("/var/lib/kubelet/config.yaml"), reason));
    let judged = judgements(&rule(GOOD), &facts);
    assert_eq!(judged[0].verdict, Verdict::Unknown);
    assert_eq!(judged[0].message, format!("kubelet.cgroup_driver: {reason}"));
    assert_eq!(judged[0].evidence[0].unreadable.as_deref(), Some(reason));
    assert_eq!(judged[0].evidence[0].value, serde_json::Value::Null);
}

#[test]
fn a_rule_whose_facts_were_not_collected_is_unknown() {
    assert_eq!(judgements(&rule(GOOD), &Facts::default())[0].verdict, Verdict::Unknown);
}

#[test]
fn what_does_not_apply_names_the_condition_that_is_false() {
    let mut facts = node();
    facts.set("runtime.present", Fact::known(false, Source::file("/proc")));
    let judged = judgements(&rule(GOOD), &facts);
    assert_eq!(judged[0].verdict, Verdict::NotApplicable);
    assert_eq!(judged[0].message, "`runtime.present` is false");
}

#[test]
fn a_severity_that_cannot_be_told_is_the_worst_that_it_may_be() {
    let mut facts = node();
    facts.set("runtime.name", Fact::unreadable(Source::file("/proc/8/cmdline"), "gone"));
    let worse_first = GOOD.replace("use: high}", "use: critical}").replace("{use: critical}\n", "{use: low}\n");
    let judged = judgements(&rule(&worse_first), &facts);
    assert_eq!(judged[0].severity, Severity::Critical);
    assert_eq!(judged[0].message, "kubelet uses cgroupfs but (unreadable) uses systemd");
}

#[test]
fn each_gives_a_judgement_for_each_element_and_none_means_not_applicable() {
    let each = GOOD
        .replace(
            "expect: kubelet.cgroup_driver ==",
            "each: runtime.handlers\nas: handler\nexpect: default(handler.cgroup_driver, \"cgroupfs\") ==",
        )
        .replace("evidence: [kubelet.cgroup_driver,", "evidence: [handler.cgroup_driver,");
    let rule = rule(&each);
    let handler = |name: &str, driver: &str| {
        let source = Source::line("/etc/containerd/config.toml", 9);
        let members = [("name", name), ("cgroup_driver", driver)];
        Fact::group(
            members
                .map(|(key, value)| (key.to_owned(), Fact::known(value, source.clone())))
                .into_iter()
                .collect::<std::collections::BTreeMap<_, _>>(),
        )
    };
    let mut facts = node();
    let handlers = vec![handler("runc", "systemd"), handler("nvidia", "cgroupfs")];
    facts.set("runtime.handlers", Fact::known(handlers, Source::file("/etc/containerd/config.toml")));
    let judged = judgements(&rule, &facts);
    let seen: Vec<_> = judged.iter().map(|judgement| (judgement.key.as_deref(), judgement.verdict)).collect();
    assert_eq!(seen, [(Some("runc"), Verdict::Pass), (Some("nvidia"), Verdict::Fail)]);
    assert_eq!(judged[1].evidence[0].fact, "runtime.handlers[1].cgroup_driver");
    facts.set("runtime.handlers", Fact::known(Vec::new(), Source::file("/etc/containerd/config.toml")));
    assert_eq!(judgements(&rule, &facts)[0].verdict, Verdict::NotApplicable);
}

#[test]
fn a_misspelt_fact_is_shown_with_the_nearest_one() {
    assert_eq!(
        faults("expect: kubelet.cgroup_driver ==", "expect: kubelet.cgroup_drivr =="),
        "\
error: there is no fact `kubelet.cgroup_drivr`
 --> rules/runtime/x.yaml:8:17
  |
8 | expect: kubelet.cgroup_drivr == runtime.cgroup_driver
  |                 ^^^^^^^^^^^^ no such name
  |
  = help: did you mean `cgroup_driver`?"
    );
}

#[test]
fn a_fault_in_a_block_of_text_is_shown_in_its_line() {
    assert_eq!(
        faults("{{ kubelet.config_path }}", "{{ kubelet.config_pth }}"),
        "\
error: there is no fact `kubelet.config_pth`
  --> rules/runtime/x.yaml:13:14
   |
13 |   {{ kubelet.config_pth }}.
   |              ^^^^^^^^^^ no such name
   |
   = help: did you mean `config_path`?"
    );
}

#[test]
fn an_unknown_key_is_shown_with_the_nearest_one() {
    assert_eq!(
        faults("references:", "referenzes:"),
        "\
error: the rule has no `references`
 --> rules/runtime/x.yaml:1:1
  |
1 | title: kubelet and container runtime use different cgroup drivers
  | ^ expected the key `references` in this file

error: a rule has no key `referenzes`
  --> rules/runtime/x.yaml:14:1
   |
14 | referenzes: [https://kubernetes.io/docs/]
   | ^^^^^^^^^^ unknown key
   |
   = help: did you mean `references`?"
    );
}

#[test]
fn a_misspelt_severity_or_target_is_refused() {
    assert_eq!(
        faults("{use: critical}", "{use: critcal}"),
        "\
error: there is no severity `critcal`
 --> rules/runtime/x.yaml:4:11
  |
4 |   - {use: critcal}
  |           ^^^^^^^ expected critical, high, medium, low, info
  |
  = help: did you mean `critical`?"
    );
    assert!(faults("target: host", "target: hosts").contains("did you mean `host`?"));
}

#[test]
fn every_fault_of_a_file_is_named_at_once() {
    let text = GOOD
        .replace("when: kubelet.present", "when: kubelt.present")
        .replace("{{ runtime.name }}", "{{ runtime.nam }}")
        .replace("why:", "wyh:");
    let faults = parse(&text, false).expect_err("the rule is wrong");
    let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [1, 6, 7, 9]);
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    assert!(faults("why: Two", "target: host\nwhy: Two").contains("the key `target` stands here twice"));
}

#[test]
fn an_open_template_is_refused() {
    assert!(faults("{{ runtime.name }}", "{{ runtime.name }").contains("expected `}}` behind it"));
}

#[test]
fn cases_end_with_one_that_always_holds() {
    assert!(faults("  - {use: critical}\n", "").contains("no case for everything else"));
    assert!(
        faults("- {when: runtime.name == \"docker\", use: high}", "- {use: high}").contains("hides those behind it")
    );
}

#[test]
fn yaml_that_grows_is_refused() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n";
    let faults = parse(bomb, false).expect_err("a bomb");
    assert_eq!(faults[0].message, "a YAML alias");
    let deep = "[".repeat(100_000);
    assert!(parse(&deep, false).is_err());
    let deep_blocks = (0..2000).map(|depth| " ".repeat(depth) + "a:\n").collect::<Vec<_>>().concat();
    assert!(parse(&deep_blocks, false).is_err());
    let large = "# ".to_owned() + &"x".repeat(2 << 20);
    assert!(parse(&large, false).expect_err("too large")[0].message.contains("bytes"));
}

#[test]
fn text_that_is_not_a_rule_is_refused_without_harm() {
    for text in
        ["", "\0", "a", "- a", "\u{feff}", "a: b: c", "%YAML 9.9\n---\n", "'", "? [a]: b", "!!x y", "\r\r\r", "{{{"]
    {
        assert!(parse(text, true).is_err(), "{text:?}");
    }
}
