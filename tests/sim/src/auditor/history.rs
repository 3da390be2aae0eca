//! What the operator had in force, and when.

/// How long a function may believe what it read of a source, in milliseconds, and a second for rounding.
const SOURCE_BELIEVED_MS: i64 = 61_000;
/// For how long a function may not yet have looked for a new secret: it believes what it has, and looks again in vain.
const SECRET_UNSEEN_MS: i64 = 332_000;

/// Whether something was so over a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Was {
    Always,
    Sometimes,
    Never,
}

/// What was in force at one source, from when on.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    enabled: Vec<(i64, bool)>,
    /// From when on each secret was in the store.
    secrets: Vec<(i64, String)>,
    /// The secret that is on its way out, since when it is, and when its time is over, by the function's own clock.
    retiring: Option<(String, i64, i64)>,
}

impl History {
    pub(crate) fn set_enabled(&mut self, at_ms: i64, is_enabled: bool) {
        self.enabled.push((at_ms, is_enabled));
    }

    /// Every secret that was in the store, or will be.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(|(_, secret)| secret.as_str())
    }

    pub(crate) fn has_secret(&mut self, from_ms: i64, secret: &str) {
        self.secrets.push((from_ms, secret.to_owned()));
    }

    pub(crate) fn retires(&mut self, at_ms: i64, secret: &str, until_ms: i64) {
        self.retiring = Some((secret.to_owned(), at_ms, until_ms));
    }

    /// Whether a function that worked over this span saw the source enabled.
    pub(crate) fn seen_enabled(&self, from_ms: i64, to_ms: i64) -> Was {
        was(&self.enabled, from_ms.saturating_sub(SOURCE_BELIEVED_MS), to_ms, |is_enabled| *is_enabled)
    }

    /// Whether a function that worked over this span had this secret, when its own clock said so.
    pub(crate) fn seen_secret(&self, secret: &str, from_ms: i64, to_ms: i64, clock_ms: i64) -> Was {
        let Some((in_store_ms, _)) = self.secrets.iter().find(|(_, known)| known == secret) else {
            return Was::Never;
        };
        if let Some((retiring, since_ms, until_ms)) = &self.retiring
            && retiring == secret
            && clock_ms >= *until_ms
        {
            // It may not know yet that there is another one, and believe this one to be here to stay.
            let may_not_know = *since_ms >= from_ms.saturating_sub(SECRET_UNSEEN_MS);
            return if may_not_know { Was::Sometimes } else { Was::Never };
        }
        if *in_store_ms <= from_ms.saturating_sub(SECRET_UNSEEN_MS) || self.is_first(secret) {
            Was::Always
        } else if *in_store_ms <= to_ms {
            Was::Sometimes
        } else {
            Was::Never
        }
    }

    /// The first secret was there before the world began.
    fn is_first(&self, secret: &str) -> bool {
        self.secrets.first().is_some_and(|(_, first)| first == secret)
    }
}

fn was<T>(states: &[(i64, T)], from_ms: i64, to_ms: i64, is_so: impl Fn(&T) -> bool) -> Was {
    let ends = states.iter().skip(1).map(|(at_ms, _)| *at_ms).chain([i64::MAX]);
    let spans = states.iter().zip(ends).enumerate();
    let in_force = spans.filter(|(number, ((begin_ms, _), end_ms))| {
        // The first state was there before the world began.
        (*number == 0 || *begin_ms <= to_ms) && *end_ms > from_ms
    });
    let (mut yes, mut no) = (false, false);
    for (_, ((_, state), _)) in in_force {
        if is_so(state) { yes = true } else { no = true }
    }
    match (yes, no) {
        (true, false) => Was::Always,
        (true, true) => Was::Sometimes,
        (false, _) => Was::Never,
    }
}
