//! Every function may do what it does, and nothing else: the calls that it can make, beside the permissions of its role.
//!
//! Nothing is written down by hand twice. Which adapters' methods a function can reach is read from its binary ([`linked`]),
//! what each of them asks of AWS is recorded from the method itself ([`asked`]), and what may be asked is read from
//! `template.yaml` ([`granted`]). What one of the three has and this test does not know fails it.
//!
//! Not seen: a request that a method makes only after an answer that is neither empty nor a refusal, unless its operation is
//! new to the function; and whether a function hands an adapter the right table, which the end-to-end tests see.

mod asked;
mod granted;
mod linked;

use crate::e2e::harness::e2e;
use asked::Call;
use granted::Grant;
use linked::Linked;
use std::collections::{BTreeMap, BTreeSet};

/// What reads a token under the name for reconciliation.
const API_TOKENS: &str = "secrets::api_secret_name";
/// What reads a token under the name for asking back.
const FETCH_TOKENS: &str = "secrets::fetch_secret_name";

/// Steps of the methods above them, whose requests are recorded there.
const STEPS: [(&str, &str); 9] = [
    ("ApiTokens::fetch", "asks for one of two names, which are looked for by themselves"),
    ("FileBucket::body", "of open and kept"),
    ("FileBucket::put", "of keep"),
    ("FindingTable::reopen", "of raise: calls find and step"),
    ("LedgerTable::rows", "of view and history"),
    ("RunTable::read", "of take and find"),
    ("RunTable::write_lease", "of take"),
    ("RunTable::write_note", "of note"),
    ("SourceTable::row", "of fetch"),
];

/// Operations that the SDK brings with it and that no function comes to.
const OF_THE_SDK: [(&str, &str); 3] = [
    ("s3:CreateSession", "of directory buckets, which there are none of"),
    ("sts:AssumeRole", "of credentials in a profile: Lambda gives them in the environment"),
    ("sts:AssumeRoleWithWebIdentity", "of credentials in a token file: Lambda gives them in the environment"),
];

/// What AWS does in a function's name, or asks of its role for something else than a call: role, action, resource, reason.
const FOR_AWS: [(&str, &str, &str, &str); 12] = [
    ("IngestRole", "logs:CreateLogStream", "IngestLogGroup", OWN_LOG),
    ("IngestRole", "logs:PutLogEvents", "IngestLogGroup", OWN_LOG),
    ("ProcessorRole", "logs:CreateLogStream", "ProcessorLogGroup", OWN_LOG),
    ("ProcessorRole", "logs:PutLogEvents", "ProcessorLogGroup", OWN_LOG),
    ("ReconcileRole", "logs:CreateLogStream", "ReconcileLogGroup", OWN_LOG),
    ("ReconcileRole", "logs:PutLogEvents", "ReconcileLogGroup", OWN_LOG),
    ("ProcessorRole", "sqs:ReceiveMessage", "EventQueue", POLLS),
    ("ProcessorRole", "sqs:DeleteMessage", "EventQueue", POLLS),
    ("ProcessorRole", "sqs:GetQueueAttributes", "EventQueue", POLLS),
    ("ProcessorRole", "sqs:ChangeMessageVisibility", "EventQueue", POLLS),
    (
        "ReconcileRole",
        "sqs:SendMessage",
        "TargetDeadLetterQueue",
        "Lambda sends what it gave up on in the function's name",
    ),
    (
        "ReconcileRole",
        "s3:ListBucket",
        "FileBucket",
        "without it, S3 says of an object that is not there that it is forbidden",
    ),
];
const OWN_LOG: &str = "Lambda writes the function's log in its name";
const POLLS: &str = "Lambda takes the queue's messages in the function's name";

/// Roles that AWS's own services take, whose work the template itself describes.
const OF_SERVICES: [(&str, &str, &str, &str); 10] = [
    ("ReconcileScheduleRole", "lambda:InvokeFunction", "ReconcileFunction", "the target of both schedules"),
    ("ReconcileScheduleRole", "sqs:SendMessage", "TargetDeadLetterQueue", "their dead letters"),
    ("FileArrivedRole", "states:StartExecution", "FileComparison", "the target of the rule"),
    ("FileComparisonRole", "lambda:InvokeFunction", "ReconcileFunction", "each of its tasks"),
    (
        "FileComparisonRole",
        "states:StartExecution",
        MACHINE,
        "a distributed map starts an execution for each part",
    ),
    ("FileComparisonRole", "states:DescribeExecution", EXECUTION, "and watches it"),
    ("FileComparisonRole", "states:DescribeExecution", EXECUTION_OF_PART, "and watches it"),
    ("FileComparisonRole", "states:StopExecution", EXECUTION, "and ends it"),
    ("FileComparisonRole", "states:StopExecution", EXECUTION_OF_PART, "and ends it"),
    ("FileComparisonRole", "states:RedriveExecution", EXECUTION_OF_PART, "and takes it up again"),
];
const MACHINE: &str = "stateMachine:countersign-${Stage}-files";
const EXECUTION: &str = "execution:countersign-${Stage}-files:*";
const EXECUTION_OF_PART: &str = "execution:countersign-${Stage}-files/*";

#[test]
fn every_function_may_do_what_it_does_and_nothing_else() {
    e2e(async |harness| {
        let (template, asked) = (granted::template(), asked::asked().await);
        let mut wrong = Vec::new();
        for name in ["ingest", "processor", "reconcile"] {
            let binary = &harness.stack.function(name).expect("a function").binary;
            let linked = Linked::read(binary);
            let role = granted::role_of(&template, name);
            let calls = calls(name, &linked, &asked, &mut wrong);
            let grants = granted::grants(&template, role);
            compare(name, role, &calls, &grants, &mut wrong);
            beyond(name, role, &calls, &grants, asked.values().flatten(), &mut wrong);
        }
        assert!(
            wrong.is_empty(),
            "{} of the functions' permissions are wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    });
}

/// CloudFormation refuses a template with a null in it; neither its linter nor MiniStack does.
#[test]
fn no_value_of_the_template_is_null() {
    let template = granted::template();
    let mut rest = vec![("template.yaml".to_owned(), &template)];
    while let Some((place, value)) = rest.pop() {
        assert!(!value.is_null(), "{place} is null");
        let pairs = value.as_object().into_iter().flatten();
        rest.extend(pairs.map(|(name, value)| (format!("{place}/{name}"), value)));
        let items = value.as_array().into_iter().flatten().enumerate();
        rest.extend(items.map(|(at, value)| (format!("{place}/{at}"), value)));
    }
}

/// The calls that a function can make.
fn calls<'a>(
    function: &str,
    linked: &Linked,
    asked: &'a BTreeMap<&'static str, Vec<Call>>,
    wrong: &mut Vec<String>,
) -> BTreeSet<&'a Call> {
    assert!(
        !linked.adapters.is_empty(),
        "{function}: its binary names no adapter: is it stripped or optimised?"
    );
    for method in &linked.adapters {
        if !asked.contains_key(method.as_str()) && !STEPS.iter().any(|(step, _)| step == method) {
            wrong.push(format!(
                "{function} can reach {method}, whose requests are not recorded: call it in asked.rs"
            ));
        }
    }
    let is_reached = |name: &str| linked.adapters.contains(name) || linked.holds(name);
    let calls: BTreeSet<&Call> =
        asked.iter().filter(|(name, _)| is_reached(name)).flat_map(|(_, calls)| calls).collect();
    let operations: BTreeSet<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    for operation in &linked.operations {
        let is_known =
            operations.contains(operation.as_str()) || OF_THE_SDK.iter().any(|(of, _)| of == operation);
        if !is_known {
            wrong.push(format!("{function} can send {operation}, which none of its recorded methods sent"));
        }
    }
    for operation in operations.into_iter().filter(|operation| !linked.operations.contains(*operation)) {
        wrong.push(format!("{function} was recorded sending {operation}, which its binary does not hold"));
    }
    calls
}

/// Both ways.
fn compare(function: &str, role: &str, calls: &BTreeSet<&Call>, grants: &[Grant], wrong: &mut Vec<String>) {
    for call in calls {
        if !grants.iter().any(|grant| allows(grant, call)) {
            wrong.push(format!("{function} makes a call that {role} does not permit: {call}"));
        }
    }
    for grant in grants.iter().filter(|grant| !is_for_aws(role, grant)) {
        if !calls.iter().any(|call| allows(grant, call)) {
            wrong.push(format!("{function} makes no call for which {role} has {} ({grant})", grant.sid));
        }
    }
}

/// What the others do, a function may not: each call of any of them that its role permits is one of its own.
fn beyond<'a>(
    function: &str,
    role: &str,
    calls: &BTreeSet<&Call>,
    grants: &[Grant],
    of_all: impl Iterator<Item = &'a Call>,
    wrong: &mut Vec<String>,
) {
    let asks = |call: &Call| (call.action.clone(), call.resource.clone(), call.context.clone());
    let own: BTreeSet<_> = calls.iter().map(|call| asks(call)).collect();
    let others: BTreeMap<_, _> = of_all.map(|call| (asks(call), call)).collect();
    for (_, call) in others.iter().filter(|(asked, _)| !own.contains(asked)) {
        if let Some(grant) = grants.iter().find(|grant| !is_for_aws(role, grant) && allows(grant, call)) {
            wrong.push(format!(
                "{function} does not make the call {call}, and {role} permits it ({})",
                grant.sid
            ));
        }
    }
}

fn allows(grant: &Grant, call: &Call) -> bool {
    let is_met = |(key, pattern): &(String, String)| {
        call.context.as_ref().is_some_and(|(of, value)| of == key && granted::is_like(value, pattern))
    };
    grant.action == call.action
        && granted::is_like(&call.resource, &grant.resource)
        && grant.only.as_ref().is_none_or(is_met)
}

/// Whether AWS needs it, and not the function's own code.
fn is_for_aws(role: &str, grant: &Grant) -> bool {
    FOR_AWS.iter().any(|excuse| is_excused_by(role, grant, *excuse))
}

fn is_excused_by(of: &str, grant: &Grant, (role, action, resource, _): (&str, &str, &str, &str)) -> bool {
    (role, action, resource) == (of, grant.action.as_str(), grant.resource.as_str())
}

#[test]
fn every_excuse_is_for_a_permission_that_there_is() {
    let template = granted::template();
    for excuse in FOR_AWS.into_iter().chain(OF_SERVICES) {
        let (role, action, resource, _) = excuse;
        let is_needed =
            granted::grants(&template, role).iter().any(|grant| is_excused_by(role, grant, excuse));
        assert!(is_needed, "{role} has no {action} on {resource} any more: take the line out");
    }
}

#[test]
fn every_other_role_is_a_services_and_holds_what_the_table_says() {
    let template = granted::template();
    let of_functions = ["ingest", "processor", "reconcile"].map(|name| granted::role_of(&template, name));
    for role in granted::roles(&template).into_iter().filter(|role| !of_functions.contains(role)) {
        for grant in granted::grants(&template, role) {
            let is_known = OF_SERVICES.iter().any(|excuse| is_excused_by(role, &grant, *excuse));
            assert!(is_known, "{role} has {grant}, and this test knows of no work for it");
        }
    }
}

#[test]
fn a_call_without_a_permission_and_a_permission_without_a_call_are_both_named() {
    let call = |action: &str, pk: &str| Call {
        operation: action.to_owned(),
        action: action.to_owned(),
        resource: "ControlTable".to_owned(),
        context: Some(("dynamodb:LeadingKeys", pk.to_owned())),
    };
    let grant = |action: &str, pattern: &str| Grant {
        sid: "Some".to_owned(),
        action: action.to_owned(),
        resource: "ControlTable".to_owned(),
        only: Some(("dynamodb:LeadingKeys".to_owned(), pattern.to_owned())),
    };
    let calls = [call("dynamodb:PutItem", "run#acme"), call("dynamodb:Query", "run#acme")];
    let grants = [
        grant("dynamodb:PutItem", "run#*"),
        grant("dynamodb:Query", "finding#*"),
        grant("dynamodb:DeleteItem", "run#*"),
    ];
    let mut wrong = Vec::new();
    compare("reconcile", "ReconcileRole", &calls.iter().collect(), &grants, &mut wrong);
    let of_others = [call("dynamodb:PutItem", "run#acme"), call("dynamodb:DeleteItem", "run#acme")];
    beyond("reconcile", "ReconcileRole", &calls.iter().collect(), &grants, of_others.iter(), &mut wrong);
    let place = r#"ControlTable where dynamodb:LeadingKeys is "#;
    assert_eq!(
        wrong,
        [
            format!(
                r#"reconcile makes a call that ReconcileRole does not permit: dynamodb:Query on {place}"run#acme""#
            ),
            format!(
                r#"reconcile makes no call for which ReconcileRole has Some (dynamodb:Query on {place}"finding#*")"#
            ),
            format!(
                r#"reconcile makes no call for which ReconcileRole has Some (dynamodb:DeleteItem on {place}"run#*")"#
            ),
            format!(
                r#"reconcile does not make the call dynamodb:DeleteItem on {place}"run#acme", and ReconcileRole permits it (Some)"#
            ),
        ]
    );
}
