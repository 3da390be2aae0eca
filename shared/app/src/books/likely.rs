//! What a person may look at for a row without a partner: rows of the other side that are like it. It decides nothing.

use super::Found;
use countersign_domain::books::Row;
use countersign_domain::books::matching::suggest;
use countersign_domain::finding::FindingKind;
use std::collections::BTreeMap;

/// References that are named for one row.
const NAMED: usize = 3;
/// Likeness of two references from which on they are worth a look, in millionths.
const LIKENESS_PPM_MIN: u32 = 700_000;
/// Rows of a side among which likeness is looked for: each is compared with each.
const ROWS_MAX: usize = 500;

/// For each difference that has likely partners, by its place: their references, the likeliest first.
pub(super) fn likely(found: &[Found]) -> BTreeMap<usize, String> {
    let of = |kind: FindingKind, side: fn(&Found) -> Option<&Row>| -> (Vec<usize>, Vec<Row>) {
        let missing = found.iter().enumerate().filter(|(_, found)| found.kind == kind);
        missing.filter_map(|(at, found)| Some((at, side(found)?.clone()))).unzip()
    };
    let (ours_at, ours) = of(FindingKind::MissingThere, |found| found.ours.as_ref());
    let (theirs_at, theirs) = of(FindingKind::MissingHere, |found| found.theirs.as_ref());
    if ours.len().max(theirs.len()) > ROWS_MAX {
        return BTreeMap::new();
    }
    let mut likely = BTreeMap::new();
    for (places, rows, candidates) in [(ours_at, &ours, &theirs), (theirs_at, &theirs, &ours)] {
        for (place, row) in places.into_iter().zip(rows) {
            let ranked = suggest(row, candidates, NAMED).into_iter();
            let worth = ranked.filter(|s| s.has_amount || s.likeness_ppm >= LIKENESS_PPM_MIN);
            let names: Vec<_> =
                worth.filter_map(|s| candidates.get(s.at)).map(|row| row.reference.as_str()).collect();
            if !names.is_empty() {
                likely.insert(place, names.join(", "));
            }
        }
    }
    likely
}
