//! Simulated worlds keep every promise, and the tools around them work.

use countersign_sim::auditor::Invariant;
use countersign_sim::campaign::campaign;
use countersign_sim::report;
use countersign_sim::world::{Fault, Kept, Scenario, run};

/// Worlds that every run of the tests lives through. CI lives through more, in a release build.
const SEEDS: u64 = 250;

#[test]
fn many_worlds_keep_every_promise() {
    let campaign = campaign(0..SEEDS, &|_| ());
    if let Some((seed, violation)) = &campaign.broken {
        panic!("{}", report::story(*seed, violation).expect("a text"));
    }
    assert_eq!(campaign.worlds, SEEDS);
    let figures = report::figures(&campaign).expect("a text");
    for fault in Fault::ALL {
        assert!(campaign.tally.of(*fault) > 0, "{fault:?} never happened:\n{figures}");
    }
    for invariant in Invariant::ALL {
        assert!(campaign.looks.at(*invariant) > 0, "nobody looked after {invariant:?}:\n{figures}");
    }
}

#[test]
fn the_same_seed_is_the_same_world_to_the_byte() {
    for seed in 0..5 {
        let scenario = Scenario::whole(seed);
        let (one, other) = (run(&scenario, true), run(&scenario, true));
        assert!(!one.trace.is_empty());
        assert!(one.trace == other.trace, "seed {seed} gave two different worlds");
        assert_eq!(one.fingerprint, other.fingerprint);
        assert_eq!(one.fingerprint, run(&scenario, false).fingerprint, "it is written down or not");
    }
    assert!(run(&Scenario::whole(0), true).trace != run(&Scenario::whole(1), true).trace);
}

#[test]
fn what_is_left_out_of_a_world_is_not_in_it() {
    let whole = run(&Scenario::whole(7), false);
    let none = Scenario { strikes: Kept::from_iter([]), ..Scenario::whole(7) };
    let quiet = run(&none, false);
    assert!(whole.strikes > 0 && whole.payments > 0);
    assert!(quiet.tally.total() < whole.tally.total());
    let nobody = Scenario { payments: Kept::from_iter([]), ..none };
    assert!(run(&nobody, false).steps < quiet.steps);
}

#[test]
fn a_scenario_is_written_as_the_options_that_show_it_again() {
    let scenario = Scenario { strikes: [3, 17].into_iter().collect(), ..Scenario::whole(7) };
    assert_eq!(scenario.to_string(), "--seed 7 --strikes 3,17");
    for text in ["all", "none", "3,17"] {
        assert_eq!(text.parse::<Kept>().map(|kept| kept.to_string()).as_deref(), Ok(text));
    }
    assert!("3,x".parse::<Kept>().is_err_and(|why| why.contains("\"x\"")));
}
