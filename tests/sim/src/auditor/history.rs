//! What the operator had in force, and when.

/// How long a function may believe what it read of a source, in milliseconds, and a second for rounding.
const SOURCE_BELIEVED_MS: i64 = 61_000;
/// How long it may believe a secret.
const SECRET_BELIEVED_MS: i64 = 301_000;
/// For how long a function may not yet have looked for a new one.
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
    secrets: Vec<(i64, Vec<String>)>,
}

impl History {
    pub(crate) fn set_enabled(&mut self, at_ms: i64, is_enabled: bool) {
        self.enabled.push((at_ms, is_enabled));
    }

    pub(crate) fn set_secrets(&mut self, at_ms: i64, secrets: Vec<String>) {
        self.secrets.push((at_ms, secrets));
    }

    /// Whether a function that worked over this span saw the source enabled.
    pub(crate) fn seen_enabled(&self, from_ms: i64, to_ms: i64) -> Was {
        was(&self.enabled, from_ms.saturating_sub(SOURCE_BELIEVED_MS), to_ms, |is_enabled| *is_enabled)
    }

    /// Whether a function that worked over this span had this secret.
    pub(crate) fn seen_secret(&self, secret: &str, from_ms: i64, to_ms: i64) -> Was {
        let has = |secrets: &Vec<String>| secrets.iter().any(|known| known == secret);
        if was(&self.secrets, from_ms.saturating_sub(SECRET_UNSEEN_MS), to_ms, has) == Was::Always {
            return Was::Always;
        }
        match was(&self.secrets, from_ms.saturating_sub(SECRET_BELIEVED_MS), to_ms, has) {
            Was::Never => Was::Never,
            Was::Always | Was::Sometimes => Was::Sometimes,
        }
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
