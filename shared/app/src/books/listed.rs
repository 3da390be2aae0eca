//! What a provider kept and paid out, asked of its API: its list becomes a file of rows like any other.

use crate::ports::{ApiRequest, PortError, ProviderApi};
use countersign_domain::dialect::Listing;
use countersign_domain::envelope;
use countersign_domain::json::Json;
use countersign_domain::limits::PAGES_PER_LIST_MAX;
use countersign_domain::source::Source;
use countersign_domain::time::{SignedDuration, Window};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

/// Stretches of a window that are read at once, where the list can be asked for a stretch.
const STRETCHES_IN_FLIGHT: usize = 4;
/// Longest stretch, in hours.
const STRETCH_HOURS: i64 = 24;

/// Why a list cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ListedError {
    /// Its dialect lists nothing of the kind.
    #[error("the dialect {0} lists no settlement: give a report file instead")]
    NoList(String),
    /// A page cannot be read.
    #[error("{path}: {why}")]
    Page {
        /// Which list.
        path: String,
        /// Why not.
        why: String,
    },
    /// The provider does not answer.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The rows of a window as the provider lists them: JSON, one a line, in the order of the list. The format that reads them is
/// the dialect's own.
///
/// # Errors
/// [`ListedError`]; what was read until then means nothing.
pub async fn settlement_lines(
    api: &impl ProviderApi,
    source: &Source,
    window: Window,
) -> Result<Vec<u8>, ListedError> {
    let settlement = source.dialect.settlement.as_ref();
    let settlement = settlement.ok_or_else(|| ListedError::NoList(source.dialect.name.clone()))?;
    let list = &settlement.list;
    let stretches =
        if list.since.is_some() && list.until.is_some() { stretches(window) } else { vec![window] };
    let lines: Vec<Vec<u8>> = stream::iter(stretches)
        .map(|stretch| read(api, source, list, stretch))
        .buffered(STRETCHES_IN_FLIGHT)
        .try_collect()
        .await?;
    Ok(lines.concat())
}

/// A window in stretches that follow each other without a gap.
fn stretches(window: Window) -> Vec<Window> {
    let mut stretches = Vec::new();
    let mut from = window.from;
    while from < window.to {
        let to =
            from.checked_add(SignedDuration::from_hours(STRETCH_HOURS)).unwrap_or(window.to).min(window.to);
        stretches.push(Window { from, to });
        from = to;
    }
    stretches
}

/// Every page of a stretch.
async fn read(
    api: &impl ProviderApi,
    source: &Source,
    list: &Listing,
    window: Window,
) -> Result<Vec<u8>, ListedError> {
    let wrong =
        |why: &dyn std::fmt::Display| ListedError::Page { path: list.path.clone(), why: why.to_string() };
    let (mut lines, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..PAGES_PER_LIST_MAX {
        let request = ApiRequest { path: list.path.clone(), query: list.query_of(window, cursor.as_deref()) };
        let body = api.get(source, &request).await?.ok_or_else(|| wrong(&"the provider answers 404"))?;
        let json = Json::parse(&body).map_err(|error| wrong(&error))?;
        let items = json.root().all(&list.items).map_err(|error| wrong(&error))?;
        let (path, form) = &list.created;
        let mut is_past = false;
        for item in &items {
            let created = envelope::time_at(*item, path, *form).map_err(|error| wrong(&error))?;
            is_past = list.is_newest_first && created.is_some_and(|created| created < window.from);
            if created.is_none_or(|created| window.contains(created)) {
                // No string of JSON holds a line's end as it is.
                lines.extend(
                    item.source().bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }),
                );
                lines.push(b'\n');
            }
        }
        let next =
            list.cursor_after(json.root(), &items, cursor.as_deref()).map_err(|error| wrong(&error))?;
        cursor = next.filter(|_| !is_past);
        if cursor.is_none() {
            return Ok(lines);
        }
    }
    Err(wrong(&format!(
        "more than {PAGES_PER_LIST_MAX} pages: ask for a shorter window, or use a report file"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryApi;
    use crate::testing::{at, now_or_never, source_config, source_name};
    use countersign_domain::books::report::{ReportFormat, ReportRows};
    use countersign_domain::books::{Row, Rows as _};
    use serde_json::{Value, json};
    use std::sync::Arc;

    const DAY: i64 = 86_400;

    fn transaction(id: &str, category: &str, amount: i64, fee: i64, seconds: i64) -> Value {
        let source = json!({ "id": format!("of_{id}"), "payment_intent": format!("pi_{id}") });
        json!({
            "id": id, "amount": amount, "fee": fee, "net": amount - fee, "currency": "usd", "exchange_rate": null,
            "created": at(seconds).as_second(), "reporting_category": category, "source": source,
        })
    }

    fn stripe() -> Source {
        Source::try_from(source_config("stripe-live", "stripe")).expect("a source")
    }

    /// Two days of Stripe's balance: the first on two pages, the second on one.
    fn api(source: &Source, window: Window) -> MemoryApi {
        let api = MemoryApi::default();
        let list = &source.dialect.settlement.as_ref().expect("Stripe lists its balance").list;
        let pages = [
            (
                0,
                None,
                vec![transaction("t1", "charge", 2_000, 88, 10), transaction("t2", "stripe_fee", -30, 0, 20)],
                true,
            ),
            (0, Some("t2"), vec![transaction("t3", "refund", -500, 0, 30)], false),
            (1, None, vec![transaction("t4", "charge", 700, 51, DAY + 5)], false),
        ];
        for (day, cursor, items, has_more) in pages {
            let stretch = stretches(window)[day];
            let request = ApiRequest { path: list.path.clone(), query: list.query_of(stretch, cursor) };
            let body = serde_json::to_string_pretty(&json!({ "data": items, "has_more": has_more }));
            api.answer(&source_name("stripe-live"), &request, body.expect("JSON"));
        }
        api
    }

    #[test]
    fn a_providers_balance_is_read_stretch_by_stretch_and_page_by_page() {
        let source = stripe();
        let window = Window { from: at(0), to: at(2 * DAY) };
        let lines =
            now_or_never(settlement_lines(&api(&source, window), &source, window)).expect("it is read");
        let format = &source.dialect.settlement.as_ref().expect("Stripe lists its balance").format;
        let format = ReportFormat::parse(format).expect("a format");
        let mut rows = ReportRows::new(lines.as_slice(), format).expect("rows");
        let (mut said, mut row) = (Vec::new(), Row::empty());
        while rows.next(&mut row).expect("a row") {
            let fee = row.settled.map(|settled| settled.fee_minor);
            said.push(format!("{} {} {} {fee:?}", row.reference, row.entry.as_str(), row.minor));
        }
        assert!(rows.faults().is_empty(), "{:?}", rows.faults());
        assert_eq!(
            said,
            ["pi_t1 payment 2000 Some(88)", "pi_t3 refund 500 Some(0)", "pi_t4 payment 700 Some(51)"]
        );
    }

    #[test]
    fn what_cannot_be_read_to_its_end_is_said() {
        let source = stripe();
        let window = Window { from: at(0), to: at(2 * DAY) };
        let api = api(&source, window);
        let list = &source.dialect.settlement.as_ref().expect("Stripe lists its balance").list;
        let last = ApiRequest { path: list.path.clone(), query: list.query_of(stretches(window)[1], None) };
        api.fail(&source.name, &last, "503 Service Unavailable");
        let error = now_or_never(settlement_lines(&api, &source, window)).expect_err("a page is missing");
        assert!(matches!(error, ListedError::Port(_)), "{error}");
        let longer = Window { to: at(3 * DAY), ..window };
        let error = now_or_never(settlement_lines(&MemoryApi::default(), &source, longer))
            .expect_err("nothing is there");
        assert_eq!(error.to_string(), "/v1/balance_transactions: the provider answers 404");
        let partner = Source::try_from(source_config("p", "partner-hmac")).expect("a source");
        let error = now_or_never(settlement_lines(&api, &partner, window)).expect_err("there is no list");
        assert_eq!(
            error.to_string(),
            "the dialect partner-hmac lists no settlement: give a report file instead"
        );
    }

    /// The source, its list read in another way.
    fn listing(change: impl FnOnce(&mut Listing)) -> Source {
        let mut source = stripe();
        let dialect = Arc::make_mut(&mut source.dialect);
        change(&mut dialect.settlement.as_mut().expect("Stripe lists its balance").list);
        source
    }

    #[test]
    fn a_list_that_cannot_be_asked_for_a_stretch_is_read_in_one_piece() {
        let window = Window { from: at(0), to: at(2 * DAY) };
        for (source, pieces) in
            [(stripe(), 2), (listing(|list| list.since = None), 1), (listing(|list| list.until = None), 1)]
        {
            let api = MemoryApi::default();
            let list = &source.dialect.settlement.as_ref().expect("Stripe lists its balance").list;
            for stretch in stretches(window).into_iter().chain([window]) {
                let request = ApiRequest { path: list.path.clone(), query: list.query_of(stretch, None) };
                api.answer(&source.name, &request, r#"{"data":[],"has_more":false}"#);
            }
            let lines = now_or_never(settlement_lines(&api, &source, window)).expect("it is read");
            assert_eq!((lines.len(), api.requests().len()), (0, pieces), "{:?}", api.requests());
        }
    }

    /// One more page is read while the last item may have others of its instant behind it.
    #[test]
    fn a_list_with_the_newest_first_is_read_until_it_is_past_the_window() {
        let window = Window { from: at(0), to: at(DAY) };
        for (is_newest_first, seconds, pages) in [(true, 1, 2), (true, 0, 2), (true, -1, 1), (false, -1, 2)] {
            let source = listing(|list| list.is_newest_first = is_newest_first);
            let list = &source.dialect.settlement.as_ref().expect("Stripe lists its balance").list;
            let api = MemoryApi::default();
            for (cursor, id) in [(None, "t1"), (Some("t1"), "t2")] {
                let request = ApiRequest { path: list.path.clone(), query: list.query_of(window, cursor) };
                let items = [transaction(id, "charge", 2_000, 88, seconds)];
                let page = json!({ "data": items, "has_more": cursor.is_none() });
                api.answer(&source.name, &request, page.to_string());
            }
            let lines = now_or_never(settlement_lines(&api, &source, window)).expect("it is read");
            assert_eq!(api.requests().len(), pages, "newest first: {is_newest_first}, {seconds} s");
            assert_eq!(lines.is_empty(), seconds < 0, "what is before the window is not of it");
        }
    }

    #[test]
    fn stretches_leave_nothing_out() {
        let window = Window { from: at(7), to: at(2 * DAY + 8) };
        let stretches = stretches(window);
        assert_eq!((stretches.len(), stretches[0].from, stretches[2].to), (3, window.from, window.to));
        assert!(stretches.windows(2).all(|pair| pair[0].to == pair[1].from));
    }
}
