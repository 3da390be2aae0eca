//! Bars, drawn as SVG in whole units.

use maud::{Markup, html};

/// One bar of two parts.
pub(super) struct Bar {
    /// What it is of.
    pub(super) name: String,
    /// Put right by a correction.
    pub(super) healed: u32,
    /// Waiting for a person.
    pub(super) open: u32,
}

impl Bar {
    fn total(&self) -> u32 {
        self.healed.saturating_add(self.open)
    }
}

const ROW: u32 = 26;
const LABEL: u32 = 170;
const WIDTH: u32 = 420;
const COUNT: u32 = 70;

/// A length on a scale where `most` is `full`, and anything at all is seen.
fn length(value: u32, most: u32, full: u32) -> u32 {
    let scaled = u64::from(value).saturating_mul(u64::from(full)).checked_div(u64::from(most.max(1)));
    let scaled = u32::try_from(scaled.unwrap_or_default()).unwrap_or(full);
    if value == 0 { 0 } else { scaled.max(2) }
}

/// Bars below each other, with their names before and their numbers behind.
pub(super) fn rows(title: &str, bars: &[Bar]) -> Markup {
    let most = bars.iter().map(Bar::total).max().unwrap_or_default();
    let height = ROW.saturating_mul(u32::try_from(bars.len()).unwrap_or(u32::MAX));
    let width = LABEL + WIDTH + COUNT;
    html! {
        svg role="img" aria-label=(title) viewBox={"0 0 " (width) " " (height)} width=(width) height=(height) {
            @for (bar, top) in bars.iter().zip((0_u32..).step_by(ROW as usize)) {
                @let (healed, open) = (length(bar.healed, most, WIDTH), length(bar.open, most, WIDTH));
                text x="0" y=(top + 17) { (bar.name) }
                rect class="healed" x=(LABEL) y=(top + 4) width=(healed) height=(ROW - 8) {}
                rect class="open" x=(LABEL + healed) y=(top + 4) width=(open) height=(ROW - 8) {}
                text x=(LABEL + healed + open + 8) y=(top + 17) { (bar.total()) }
            }
        }
    }
}

const COLUMN: u32 = 20;
const TALL: u32 = 120;

/// Columns side by side, the oldest first, each named when it is pointed at; the first and the last are named below.
pub(super) fn columns(title: &str, bars: &[Bar]) -> Markup {
    let most = bars.iter().map(Bar::total).max().unwrap_or_default();
    let width = COLUMN.saturating_mul(u32::try_from(bars.len()).unwrap_or(u32::MAX)).max(220);
    html! {
        svg role="img" aria-label=(title) viewBox={"0 0 " (width) " " (TALL + 40)} width=(width) height=(TALL + 40) {
            line x1="0" x2=(width) y1=(TALL + 16) y2=(TALL + 16) {}
            @for (bar, left) in bars.iter().zip((0_u32..).step_by(COLUMN as usize)) {
                @let (healed, open) = (length(bar.healed, most, TALL), length(bar.open, most, TALL));
                g {
                    title { (bar.name) ": " (bar.healed) " healed, " (bar.open) " open" }
                    rect class="healed" x=(left + 2) y=(TALL + 16 - healed) width=(COLUMN - 4) height=(healed) {}
                    rect class="open" x=(left + 2) y=(TALL + 16 - healed - open) width=(COLUMN - 4) height=(open) {}
                }
            }
            @if let Some(first) = bars.first() { text x="0" y=(TALL + 34) { (first.name) } }
            @if let [_, .., last] = bars { text x=(width) y=(TALL + 34) text-anchor="end" { (last.name) } }
            text x=(width) y="12" text-anchor="end" { "most in a day: " (most) }
        }
    }
}
