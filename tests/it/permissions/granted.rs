//! What `template.yaml` grants: each role's policies, one permission at a time.

use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::{Value, json};

/// One permission: an action on one resource, where it is narrowed, under one value of one condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grant {
    pub(crate) sid: String,
    pub(crate) action: String,
    /// The logical name of a resource and what follows its ARN, or the end of an ARN that is spelt out. `*` is any text.
    pub(crate) resource: String,
    /// The condition's key, and the pattern that all its values must have.
    pub(crate) only: Option<(String, String)>,
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {}", self.action, self.resource)?;
        match &self.only {
            Some((key, pattern)) => write!(f, " where {key} is {pattern:?}"),
            None => Ok(()),
        }
    }
}

/// The template, with `!GetAtt x` as `{"!GetAtt": "x"}`.
pub(crate) fn template() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
    let text = std::fs::read_to_string(path).expect("the template");
    let documents = Yaml::load_from_str(&text).expect("YAML");
    json_of(documents.first().expect("one document"))
}

fn json_of(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Tagged(tag, node) => json!({ format!("!{}", tag.suffix): json_of(node) }),
        Yaml::Sequence(nodes) => nodes.iter().map(json_of).collect(),
        Yaml::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| (key.as_str().expect("a key in words").to_owned(), json_of(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Yaml::Value(scalar) => match (yaml.as_str(), yaml.as_integer(), yaml.as_bool()) {
            (Some(text), _, _) => text.into(),
            (_, Some(number), _) => number.into(),
            (_, _, Some(is)) => is.into(),
            _ if yaml.is_null() => Value::Null,
            _ => panic!("the template has the scalar {scalar:?}, which this test cannot read"),
        },
        other => panic!("the template has {other:?}, which this test cannot read"),
    }
}

/// The logical name of the role of a function: what its `Role:` names.
pub(crate) fn role_of<'a>(template: &'a Value, function: &str) -> &'a str {
    let resources = template["Resources"].as_object().expect("resources");
    let code = format!("functions/{function}");
    let is_of = |resource: &&Value| resource["Properties"]["CodeUri"] == code.as_str();
    let properties = &resources.values().find(is_of).expect("the function is in the template")["Properties"];
    assert!(
        properties["Policies"].is_null(),
        "{function}: SAM's own policies are not read: give its role a statement"
    );
    let role = properties["Role"]["!GetAtt"].as_str().expect("a function names its role by !GetAtt");
    role.strip_suffix(".Arn").expect("the role's ARN")
}

/// Every role of the template, by its logical name.
pub(crate) fn roles(template: &Value) -> Vec<&str> {
    let resources = template["Resources"].as_object().expect("resources");
    resources.iter().filter(|(_, it)| it["Type"] == "AWS::IAM::Role").map(|(name, _)| name.as_str()).collect()
}

/// Every permission of a role.
pub(crate) fn grants(template: &Value, role: &str) -> Vec<Grant> {
    let properties = template["Resources"][role]["Properties"].as_object().expect("a role");
    for name in properties.keys() {
        let is_read = ["AssumeRolePolicyDocument", "Policies"].contains(&name.as_str());
        assert!(
            is_read,
            "{role} has {name}, of which this test knows nothing: grant by a statement of Policies"
        );
    }
    let policies = properties["Policies"].as_array().expect("policies");
    let statements = policies.iter().flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
    statements.flat_map(|statement| of_statement(role, statement)).collect()
}

fn of_statement(role: &str, statement: &Value) -> Vec<Grant> {
    for name in statement.as_object().expect("a statement").keys() {
        let is_read = ["Sid", "Effect", "Action", "Resource", "Condition"].contains(&name.as_str());
        assert!(is_read, "{role}: a statement has {name}, which this test cannot judge");
    }
    assert_eq!(statement["Effect"], "Allow", "{role}: this test cannot judge a denial");
    let sid = statement["Sid"].as_str().unwrap_or_default();
    let mut grants = Vec::new();
    for action in list(&statement["Action"]) {
        let action = action.as_str().expect("an action");
        assert!(!action.contains('*'), "{role}: {action} is more than one action: name each");
        for resource in list(&statement["Resource"]) {
            for only in conditions(role, &statement["Condition"]) {
                let (sid, action, resource) = (sid.to_owned(), action.to_owned(), place(resource));
                grants.push(Grant { sid, action, resource, only });
            }
        }
    }
    grants
}

/// One value or several.
fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}

/// `TableName` of `!GetAtt TableName.Arn`, `Bucket/parts/*` of `!Sub ${Bucket.Arn}/parts/*`, and what comes after the
/// account of an ARN that is spelt out.
fn place(resource: &Value) -> String {
    if let Some(name) = resource["!GetAtt"].as_str() {
        return name.strip_suffix(".Arn").expect("an ARN").to_owned();
    }
    if let Some(name) = resource["!Ref"].as_str() {
        return name.to_owned();
    }
    let text = resource["!Sub"]
        .as_str()
        .unwrap_or_else(|| panic!("a resource is {resource}: use !GetAtt, !Ref or !Sub"));
    // Of an ARN that is spelt out: the service, the region and the account are our own.
    match text.strip_prefix("arn:${AWS::Partition}:").and_then(|arn| arn.split_once("${AWS::AccountId}:")) {
        Some((_, rest)) => rest.to_owned(),
        None => text.strip_prefix("${").expect("the ARN of a resource").replacen(".Arn}", "", 1),
    }
}

fn conditions(role: &str, condition: &Value) -> Vec<Option<(String, String)>> {
    let Some(condition) = condition.as_object() else { return vec![None] };
    assert_eq!(
        condition.len(),
        1,
        "{role}: a statement has several conditions, which this test cannot judge"
    );
    let (operator, keys) = condition.iter().next().expect("one condition");
    let is_known = ["ForAllValues:StringEquals", "ForAllValues:StringLike"].contains(&operator.as_str());
    assert!(is_known, "{role}: this test cannot judge the condition {operator}");
    let keys = keys.as_object().expect("keys");
    let of_key = |(key, patterns): (&String, &Value)| {
        let patterns = list(patterns).into_iter().map(|it| it.as_str().expect("a pattern").to_owned());
        let is_literal = operator == "ForAllValues:StringEquals";
        patterns
            .inspect(|pattern| {
                assert!(!is_literal || !pattern.contains('*'), "{role}: {pattern} is compared as it is")
            })
            .map(|pattern| Some((key.clone(), pattern)))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys.len(), 1, "{role}: a condition has several keys, which this test cannot judge");
    keys.iter().flat_map(of_key).collect()
}

/// Whether a text is as a pattern says, in which `*` is any text.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|end| is_like(end, after)))
        }),
    }
}

#[test]
fn a_pattern_is_as_iam_reads_it() {
    for (text, pattern, expected) in [
        ("source", "source", true),
        ("source_version#a", "source", false),
        ("run#a", "run#*", true),
        ("rerun#a", "run#*", false),
        ("a/b/c", "a/*/c", true),
        ("a/c", "a/*/c", false),
    ] {
        assert_eq!(is_like(text, pattern), expected, "{text} {pattern}");
    }
}
