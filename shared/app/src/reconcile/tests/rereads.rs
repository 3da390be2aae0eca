//! Which days are read once more and when, and what a reread that fails leaves behind: a day that was complete stays so.

use super::policy::desk_with;
use super::*;
use crate::ports::Lease;
use crate::reconcile::statement::Statement;
use countersign_domain::policy::Policy;

const DAY: i64 = 24 * HOUR;

/// Whether a window that is complete is meant to be done once more.
const ONCE_MORE: bool = true;
const UNLESS_COMPLETE: bool = false;

/// One day of a source. All times are seconds after its end.
struct OneDay {
    desk: Desk,
    window: Window,
}

impl OneDay {
    /// Under a policy.
    fn under(policy: &str) -> Self {
        Self { desk: desk_with(policy), window: Window::utc_day(at(0), 0) }
    }

    fn at(&self, seconds: i64) -> Timestamp {
        self.window.to.checked_add(SignedDuration::from_secs(seconds)).expect("an instant")
    }

    /// The nightly call: of each request for this day, whether it is to be done once more.
    fn asked_for(&self, seconds: i64) -> Vec<bool> {
        self.desk.clock.set(self.at(seconds));
        let due = now_or_never(self.desk.request_due()).expect("our side works");
        due.into_iter().filter(|due| due.from == self.window.from).map(|due| due.again).collect()
    }

    fn run(&self, seconds: i64, again: bool) -> Ended {
        self.desk.clock.set(self.at(seconds));
        let (source, Window { from, to }) = (source_name("stripe-live"), self.window);
        let request = ReconciliationRequest { source, from, to, again };
        now_or_never(self.desk.run(&request, self.at(99 * DAY))).expect("our side works")
    }

    fn lists(&self) -> [ApiRequest; 2] {
        let books = books();
        [event_list(&books), &books.payments].map(|listing| ApiRequest {
            path: listing.path.clone(),
            query: listing.query_of(self.window, None),
        })
    }

    /// A run while the provider answers, with nothing in its lists.
    #[track_caller]
    fn completed(&self, seconds: i64, again: bool) {
        for list in self.lists() {
            let empty = json!({ "data": [], "has_more": false }).to_string();
            self.desk.api.answer(&source_name("stripe-live"), &list, empty);
        }
        assert_eq!(self.run(seconds, again).name(), "complete");
    }

    /// A run while the provider is down.
    #[track_caller]
    fn failed(&self, seconds: i64, again: bool) {
        for list in self.lists() {
            self.desk.api.fail(&source_name("stripe-live"), &list, "503");
        }
        assert_eq!(self.run(seconds, again).name(), "incomplete");
    }

    /// A run whose invocation died while it read.
    fn died(&self, seconds: i64, again: bool) {
        let (now, source) = (self.at(seconds), source_name("stripe-live"));
        let taken = self.desk.runs.take(&source, self.window, again, now, later(now, LEASE_SECONDS));
        assert!(matches!(now_or_never(taken), Ok(Lease::Taken(_))));
    }

    fn newest(&self) -> Run {
        let found = now_or_never(self.desk.runs.find(&source_name("stripe-live"), self.window));
        found.expect("the runs answer").expect("a run")
    }

    /// The statement of the month, written a quarter of a year later.
    fn statement(&self) -> Statement {
        let source = source_name("stripe-live");
        let runs = now_or_never(self.desk.runs.newest(&source, 100)).expect("the runs answer");
        let month = self.window.from.strftime("%Y-%m").to_string();
        let window = Window::utc_month(&month).expect("a month");
        Statement::new(
            &source,
            (&month, window),
            runs,
            (&[], &Policy::default()),
            (self.at(90 * DAY), "test"),
        )
    }
}

#[test]
fn a_complete_day_is_read_once_more_when_it_is_as_old_as_the_policy_says() {
    let day = OneDay::under("reread_days = [1, 2, 5]");
    assert_eq!(day.asked_for(2 * HOUR), [UNLESS_COMPLETE], "it was never read");
    day.completed(2 * HOUR, false);
    assert!(day.asked_for(3 * HOUR).is_empty(), "it is complete");
    assert!(day.asked_for(DAY + HOUR - 1).is_empty(), "the grace is not over");
    assert_eq!(day.asked_for(DAY + HOUR), [ONCE_MORE], "a day old, it is read once more");
    assert_eq!(
        day.asked_for(2 * DAY + 2 * HOUR),
        [ONCE_MORE],
        "also when nobody asked on that day, once for both ages"
    );
    day.completed(DAY + HOUR, true);
    assert!(day.asked_for(DAY + 3 * HOUR).is_empty(), "it was begun when its time had come");
    assert_eq!(day.asked_for(2 * DAY + HOUR), [ONCE_MORE]);
    day.completed(2 * DAY + HOUR, true);
    assert!(day.asked_for(4 * DAY + 2 * HOUR).is_empty());
    assert_eq!(day.asked_for(5 * DAY + 2 * HOUR), [ONCE_MORE]);
}

#[test]
fn a_reread_that_failed_is_asked_for_on_the_nights_after() {
    let day = OneDay::under("reread_days = [30]");
    day.completed(2 * HOUR, false);
    assert_eq!(day.asked_for(30 * DAY + HOUR), [ONCE_MORE]);
    day.failed(30 * DAY + HOUR, true);
    for night in [31, 32] {
        // It begins anew either way; whoever comes second with the same request finds it complete.
        assert_eq!(day.asked_for(night * DAY + HOUR), [UNLESS_COMPLETE], "night {night}");
        day.failed(night * DAY + HOUR, false);
    }
    assert!(day.asked_for(33 * DAY + HOUR).is_empty(), "it is given up like a day that was never complete");
}

#[test]
fn a_reread_that_failed_and_is_made_up_for_is_over() {
    let day = OneDay::under("reread_days = [30]");
    day.completed(2 * HOUR, false);
    day.failed(30 * DAY + HOUR, true);
    day.completed(31 * DAY + HOUR, false);
    assert_eq!(day.run(31 * DAY + HOUR, false).name(), "already_complete", "the request came twice");
    assert_eq!((day.newest().attempt, day.newest().status), (3, RunStatus::Complete));
    assert!(day.asked_for(32 * DAY + HOUR).is_empty());
}

#[test]
fn a_reread_that_died_is_asked_for_on_the_nights_after() {
    let day = OneDay::under("reread_days = [30]");
    day.completed(2 * HOUR, false);
    day.died(30 * DAY + HOUR, true);
    assert_eq!(day.asked_for(31 * DAY + HOUR), [UNLESS_COMPLETE]);
    day.completed(31 * DAY + HOUR, false);
    assert_eq!(day.newest().attempt, 2, "it was taken up where it stood");
    assert!(day.asked_for(32 * DAY + HOUR).is_empty());
}

#[test]
fn what_was_begun_before_its_time_is_no_reread_however_late_it_ends() {
    let day = OneDay::under("reread_days = [30]");
    day.completed(2 * HOUR, false);
    day.died(29 * DAY, true);
    assert_eq!(day.asked_for(30 * DAY + HOUR), [UNLESS_COMPLETE]);
    day.completed(30 * DAY + HOUR, false);
    assert_eq!(day.asked_for(31 * DAY + HOUR), [ONCE_MORE]);
}

#[test]
fn a_reread_that_fails_while_its_day_is_young_is_asked_for_once_a_night() {
    let day = OneDay::under("reread_days = [1]");
    day.completed(2 * HOUR, false);
    day.failed(DAY + HOUR, true);
    assert_eq!(day.asked_for(2 * DAY + HOUR), [UNLESS_COMPLETE], "as a day and as a reread");
    // A reread that nobody's policy wants, and that failed, is made up for while the schedule looks back at its day.
    let day = OneDay::under("reread_days = []");
    day.completed(2 * HOUR, false);
    day.failed(3 * HOUR, true);
    assert_eq!(day.asked_for(DAY + HOUR), [UNLESS_COMPLETE]);
}

#[test]
fn a_day_that_was_never_complete_is_not_read_once_more() {
    let day = OneDay::under("reread_days = [30]");
    day.failed(2 * HOUR, false);
    assert!(day.asked_for(30 * DAY + HOUR).is_empty());
}

#[test]
fn a_run_that_is_not_closed_is_not_complete() {
    let day = OneDay::under("reread_days = []");
    day.completed(2 * HOUR, false);
    // Everything was read; its report could not be written.
    let run = Run { phase: Phase::Report, ..day.newest() };
    let kept = now_or_never(day.desk.runs.checkpoint(&run, LEASE_GIVEN_BACK));
    assert_eq!(kept.expect("the runs answer"), Checkpoint::Kept);
    assert_eq!(day.asked_for(3 * HOUR), [UNLESS_COMPLETE]);
}

#[test]
fn a_month_has_its_days_as_they_were_last_read_to_the_end() {
    let date = |day: &OneDay| day.window.from.strftime("%Y-%m-%d").to_string();
    let had = |day: &OneDay| {
        let Statement { days, unread, stale, .. } = day.statement();
        assert_eq!(unread.contains(&date(day)), days.is_empty());
        (days.first().map(|day| day.attempt), stale)
    };
    let day = OneDay::under("reread_days = [30]");
    day.failed(HOUR, false);
    assert_eq!(had(&day), (None, vec![]));
    day.completed(2 * HOUR, false);
    assert_eq!(had(&day), (Some(2), vec![]));
    day.failed(30 * DAY + HOUR, true);
    day.failed(31 * DAY + HOUR, false);
    day.died(32 * DAY + HOUR, false);
    assert_eq!(had(&day), (Some(2), vec![date(&day)]), "three later attempts were not read to the end");
    day.completed(32 * DAY + 2 * HOUR, false);
    assert_eq!(had(&day), (Some(5), vec![]));
}
