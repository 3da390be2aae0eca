//! What goes wrong with a call to AWS. Pure: the seed and the number of the call decide.

use countersign_sim::world::Dice;
use std::time::Duration;

/// Calls that share one weather.
const SPELL: u64 = 40;

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Refused, as too many are.
    Throttled,
    /// A 500, and nothing was done.
    Failed,
    /// Done, but the connection ends before the answer.
    Dropped,
    /// Done, but the answer is a 500.
    Denied,
    /// Done, later.
    Slow(Duration),
}

impl Fault {
    /// In a word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Failed => "500, not done",
            Self::Dropped => "done, connection dropped",
            Self::Denied => "done, answered 500",
            Self::Slow(_) => "slow",
        }
    }
}

/// What goes wrong with the call of this number, if anything. Of six spells three are fair (one call in fifty), two rough (one in
/// five), one is a storm (three in four), which the SDK's own three tries do not get through.
pub(crate) fn fault(seed: u64, number: u64) -> Option<Fault> {
    let mut weather = Dice::new(seed, number.checked_div(SPELL).unwrap_or_default());
    let in_hundred = match weather.below(6) {
        0..3 => 2,
        3..5 => 20,
        _ => 75,
    };
    let mut dice = Dice::new(seed.wrapping_add(1), number);
    if dice.below(100) >= in_hundred {
        return None;
    }
    Some(match dice.below(6) {
        0 => Fault::Throttled,
        1 => Fault::Failed,
        2 => Fault::Dropped,
        3 => Fault::Denied,
        _ => Fault::Slow(Duration::from_millis(dice.between(20, 2_000).unsigned_abs())),
    })
}

/// The name under which a service refuses what is too much. AWS's JSON protocol has it as the error's `__type`.
pub(crate) fn too_much(target: &str) -> &'static str {
    if target.starts_with("DynamoDB_") {
        "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
    } else if target.starts_with("AmazonSQS.") {
        "com.amazonaws.sqs#RequestThrottled"
    } else {
        "com.amazon.coral.availability#ThrottlingException"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_seed_decides_what_goes_wrong_and_everything_does() {
        let faults = |seed| (0..6_000).map(|number| fault(seed, number)).collect::<Vec<_>>();
        assert_eq!(faults(3), faults(3));
        assert_ne!(faults(3), faults(4));
        let mut counts = BTreeMap::<&str, usize>::new();
        for fault in faults(3).into_iter().flatten() {
            *counts.entry(fault.name()).or_default() += 1;
        }
        assert!(counts.len() == 5 && counts.values().all(|count| *count > 60), "{counts:?}");
        assert!(counts.values().sum::<usize>() < 3_000, "{counts:?}");
    }

    #[test]
    fn there_are_spells_that_three_tries_do_not_get_through() {
        let goes_wrong = |number| fault(3, number).is_some_and(|fault| !matches!(fault, Fault::Slow(_)));
        assert!((0..6_000).any(|first| (first..first + 6).all(goes_wrong)));
    }

    #[test]
    fn each_service_refuses_in_its_own_words() {
        assert!(too_much("DynamoDB_20120810.PutItem").ends_with("ProvisionedThroughputExceededException"));
        assert!(too_much("AmazonSQS.SendMessageBatch").ends_with("RequestThrottled"));
        assert!(too_much("AWSEvents.PutEvents").ends_with("ThrottlingException"));
    }
}
