//! Days in UTC: whole, without gap, without overlap.

use super::*;
use proptest::prelude::*;

const DAY_SECONDS: i64 = 86_400;
/// From 1900 to 9990, so that days on either side can be represented.
const SECONDS: std::ops::Range<i64> = -2_208_988_800..253_000_000_000;

proptest! {
    #[test]
    fn a_day_holds_its_moment_and_adjoins_the_next(seconds in SECONDS, days_ago in 0_i64..1_000) {
        let now = from_seconds(seconds);
        let (day, before) = (Window::utc_day(now, days_ago), Window::utc_day(now, days_ago + 1));
        prop_assert_eq!(day.to.as_second() - day.from.as_second(), DAY_SECONDS);
        prop_assert_eq!(before.to, day.from);
        prop_assert!(day.contains(from_seconds(seconds - days_ago * DAY_SECONDS)));
        prop_assert_eq!(day.utc_dates(), [utc_date(day.from)]);
    }

    #[test]
    fn dates_are_the_days_that_a_window_touches(from in SECONDS, seconds in 1_i64..10 * DAY_SECONDS) {
        let window = Window { from: from_seconds(from), to: from_seconds(from + seconds) };
        let dates = window.utc_dates();
        let days = (from + seconds - 1).div_euclid(DAY_SECONDS) - from.div_euclid(DAY_SECONDS) + 1;
        prop_assert_eq!(dates.len() as i64, days);
        prop_assert_eq!(dates.first(), Some(&utc_date(window.from)));
        prop_assert!(dates.windows(2).all(|pair| pair[0] < pair[1]) || from < -62_135_596_800);
    }

    #[test]
    fn a_window_is_closed_exactly_when_its_end_is_old_enough(
        from in SECONDS, length in -10_i64..10, age in -10_i64..20, grace in 0_i64..10,
    ) {
        let (start, end) = (from_seconds(from), from_seconds(from + length));
        let now = from_seconds(from + length + age);
        let found = Window::closed(start, end, now, grace);
        if length <= 0 {
            prop_assert_eq!(found, Err(WindowError::Empty { from: start, to: end }));
        } else if age < 0 {
            prop_assert_eq!(found, Err(WindowError::NotOver { to: end, now }));
        } else if age < grace {
            prop_assert_eq!(found, Err(WindowError::StillOpen { to: end, now, grace_seconds: grace }));
        } else {
            prop_assert_eq!(found, Ok(Window { from: start, to: end }));
        }
    }

    #[test]
    fn any_seconds_are_an_instant(seconds in any::<i64>()) {
        let instant = from_seconds(seconds);
        prop_assert!(instant.as_second() == seconds || !(-377_705_023_201..=253_402_207_200).contains(&seconds));
    }

    #[test]
    fn any_moment_has_its_day(seconds in any::<i64>(), days_ago in any::<i64>()) {
        let window = Window::utc_day(from_seconds(seconds), days_ago);
        prop_assert!(window.from <= window.to);
        prop_assert!(window.utc_dates().len() <= 1);
    }
}

#[test]
fn errors_say_what_to_do() {
    let [one, two] = [0, 60].map(from_seconds);
    for (found, message) in [
        (
            Window::closed(two, one, two, 0),
            "the window from 1970-01-01T00:01:00Z to 1970-01-01T00:00:00Z is empty: give an end after its start",
        ),
        (
            Window::closed(one, two, two, 3600),
            "the window ends at 1970-01-01T00:01:00Z, less than 3600 s before 1970-01-01T00:01:00Z: wait, or give an earlier end",
        ),
        (
            Window::closed(one, two, one, 0),
            "the window ends at 1970-01-01T00:01:00Z, and it is 1970-01-01T00:00:00Z: it is not over yet; wait until it \
             is, or give an earlier end",
        ),
    ] {
        assert_eq!(found.map_err(|e| e.to_string()), Err(message.to_owned()));
    }
}
