//! The page: everything that whoever writes the sending side must know, and nothing else.

use super::Partner;
use super::answers::{ANSWER_SECONDS_MAX, Said, WAITS, answers};
use super::events::{Field, Leaf, Meaning};
use super::recipe::{Given, Part, Recipe, Signing};
use super::samples::{SAMPLES, Sample, usage, variables};
use super::vector::SIGNED_AT;
use crate::dialect::{Encoding, KeyDecoding, KeyDerivation, Mac};
use crate::limits::{
    BODY_BYTES_MAX, EVENTS_PER_DELIVERY_MAX, HEADER_BYTES_MAX, ID_BYTES_MAX, JSON_DEPTH_MAX, KIND_BYTES_MAX,
};
use crate::source::Mode;

pub(super) fn page(partner: &Partner<'_>) -> String {
    let sections = [
        where_to(partner),
        signing(partner),
        secrets(&partner.recipe),
        samples(partner),
        vector(partner),
        events(partner),
        said(partner),
        attempts(partner),
        limits(partner),
    ];
    sections.join("\n")
}

/// Lines, each with its end.
fn lines(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().map(|line| line + "\n").collect()
}

fn where_to(partner: &Partner<'_>) -> String {
    let Partner { source, url, .. } = partner;
    let factors = &source.second_factors;
    let mut text = vec![format!("# Webhooks for {}", source.name), String::new()];
    text.push(
        "How to send us your events. `openapi.json` says the same to machines, as OpenAPI 3.1.".to_owned(),
    );
    text.extend([String::new(), "## Where".to_owned(), String::new(), "```text".to_owned()]);
    let token = if factors.secret_path { "/TOKEN" } else { "" };
    text.extend([
        format!("POST {url}{token}"),
        "content-type: application/json".to_owned(),
        "```".to_owned(),
        String::new(),
    ]);
    text.push(match source.mode {
        Mode::Live => "This endpoint is for live mode: send it nothing but real money.".to_owned(),
        Mode::Test => "This endpoint is for test mode: send it no real money.".to_owned(),
    });
    if factors.secret_path {
        text.push(
            "`TOKEN` is secret: you were given it apart from this page. Keep it out of logs.".to_owned(),
        );
    }
    if factors.basic {
        text.push(
            "It asks for HTTP basic authentication too, with a user and a password that you were given."
                .to_owned(),
        );
    }
    if !factors.source_ips.is_empty() {
        let networks: Vec<_> = factors.source_ips.iter().map(|network| format!("`{network}`")).collect();
        text.push(format!(
            "It listens to these addresses only: {}. Tell us before yours change.",
            networks.join(", ")
        ));
    }
    lines(text)
}

fn signing(partner: &Partner<'_>) -> String {
    let recipe = &partner.recipe;
    let message: Vec<_> = recipe.message.iter().map(part).collect();
    let mut steps = vec![key_step(recipe)];
    if recipe.time.is_some() {
        steps.push(
            "Take the time of this attempt, in whole seconds since 1970, as decimal digits.".to_owned(),
        );
    }
    steps.push(format!(
        "Put these bytes one behind the other, with nothing between them: {}.",
        message.join(" · ")
    ));
    steps.push(format!(
        "Sign them with {} and write the signature in {}.",
        algorithm(recipe),
        match recipe.encoding {
            Encoding::Hex => "hex digits",
            Encoding::Base64 => "base64, with its padding",
        }
    ));
    steps.push("Send the body byte for byte as it was signed, with these headers:".to_owned());
    let mut text = vec!["## How to sign".to_owned(), String::new()];
    text.extend(steps.into_iter().zip(1..).map(|(step, number)| format!("{number}. {step}")));
    text.extend([String::new(), "| header | value |".to_owned(), "|---|---|".to_owned()]);
    for sent in &recipe.headers {
        let value: String = sent
            .value
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Timestamp => "{timestamp}".to_owned(),
                Part::Given(Given::Id) => "{event id}".to_owned(),
                Part::Given(Given::Kind) => "{event type}".to_owned(),
                Part::Body => "{body}".to_owned(),
                Part::Signature => "{signature}".to_owned(),
            })
            .collect();
        text.push(format!("| `{}` | `{}` |", sent.name, value.replace('|', "\\|")));
    }
    text.extend([
        String::new(),
        "A header that comes twice proves nothing. Sign every attempt anew.".to_owned(),
    ]);
    if let Some(time) = &recipe.time {
        text.push(format!(
            "A signature is accepted for {} s, and up to {} s before its time: keep your clock right (NTP).",
            time.past_seconds_max, time.future_seconds_max
        ));
    }
    if recipe.given.contains(&Given::Id) {
        text.push(
            "The event's id is yours to choose, once: every attempt to deliver the event has the same one."
                .to_owned(),
        );
    }
    lines(text)
}

fn key_step(recipe: &Recipe) -> String {
    let strip = match recipe.key.strip.as_str() {
        "" => String::new(),
        prefix => format!(", less the `{prefix}` it may begin with"),
    };
    let decode = match recipe.key.decode {
        KeyDecoding::Utf8 | KeyDecoding::Pem => "its bytes are the key",
        KeyDecoding::Hex => "its hex digits are the bytes of the key",
        KeyDecoding::Base64 => "its base64 holds the bytes of the key",
    };
    let derive = match recipe.key.derive {
        KeyDerivation::None => "",
        KeyDerivation::Sha1 => "; the SHA-1 of these bytes, 20 bytes, is the key in truth",
    };
    let what = match recipe.signing {
        Signing::Mac(_) => "secret",
        Signing::Ed25519 => "private key",
    };
    format!("Take your {what}{strip}: {decode}{derive}.")
}

fn algorithm(recipe: &Recipe) -> &'static str {
    match recipe.signing {
        Signing::Mac(Mac::HmacSha1) => "HMAC-SHA1",
        Signing::Mac(Mac::HmacSha256) => "HMAC-SHA256",
        Signing::Mac(Mac::HmacSha512) => "HMAC-SHA512",
        Signing::Ed25519 => "Ed25519",
    }
}

fn part(part: &Part) -> String {
    match part {
        Part::Text(text) => format!("`{text}`"),
        Part::Timestamp => "the time".to_owned(),
        Part::Given(Given::Id) => "the event's id".to_owned(),
        Part::Given(Given::Kind) => "the event's type".to_owned(),
        Part::Body => "the body".to_owned(),
        Part::Signature => "the signature".to_owned(),
    }
}

fn secrets(recipe: &Recipe) -> String {
    let mut text = vec!["## Keys and their rotation".to_owned(), String::new()];
    match recipe.signing {
        Signing::Mac(_) => {
            text.push(format!(
                "We share one secret: {}. It never travels by mail or chat.",
                recipe.secret_form()
            ));
            text.push(
                "To change it, we take the new one beside the old one; both are accepted for as long as we agree, three days if nothing is \
                 said. Switch over meanwhile."
                    .to_owned(),
            );
        }
        Signing::Ed25519 => {
            let encode = match recipe.key.decode {
                KeyDecoding::Hex => "od -An -v -tx1 | tr -d ' \\n'",
                KeyDecoding::Base64 | KeyDecoding::Utf8 | KeyDecoding::Pem => "openssl base64 -A",
            };
            text.push("The private key is yours and stays with you: 32 bytes. Make a pair with".to_owned());
            text.extend([
                String::new(),
                "```sh".to_owned(),
                "openssl genpkey -algorithm ed25519 -outform DER -out key.der".to_owned(),
            ]);
            text.push(format!("tail -c 32 key.der | {encode}    # the private key, for WEBHOOK_SECRET"));
            text.push(format!("openssl pkey -inform DER -in key.der -pubout -outform DER | tail -c 32 | {encode}    # the public key, for us"));
            text.extend(["```".to_owned(), String::new()]);
            text.push(format!("and send us the public one: {}.", recipe.secret_form()));
            text.push("To change it, send us the next one: we take it beside the old one, and both are accepted for as long as we agree, \
                 three days if nothing is said. Switch over meanwhile.".to_owned());
        }
    }
    text.push("Two are accepted at once, never more. You need not sign with both.".to_owned());
    lines(text)
}

fn samples(partner: &Partner<'_>) -> String {
    let mut text = vec!["## Samples".to_owned(), String::new()];
    text.push(
        "Each signs a file and posts it. With `--print` it sends nothing and prints the headers.".to_owned(),
    );
    text.extend([String::new(), "| variable | holds |".to_owned(), "|---|---|".to_owned()]);
    for variable in variables(partner) {
        text.push(format!(
            "| `{variable}` | {} |",
            match variable {
                "WEBHOOK_SECRET" => match partner.recipe.signing {
                    Signing::Mac(_) => "the secret",
                    Signing::Ed25519 => "the private key",
                },
                "WEBHOOK_URL" => "the URL with its secret part",
                "WEBHOOK_BASIC" => "`user:password`",
                "WEBHOOK_ID" => "the event's id",
                _ => "the event's type",
            }
        ));
    }
    if !partner.source.second_factors.secret_path {
        text.push("| `WEBHOOK_URL` | another URL than ours, to try things out; may be absent |".to_owned());
    }
    if partner.recipe.time.is_some() {
        text.push(
            "| `WEBHOOK_TIMESTAMP` | another time than now, for the test vector; may be absent |".to_owned(),
        );
    }
    text.extend([String::new(), "| language | needs | run |".to_owned(), "|---|---|---|".to_owned()]);
    for sample @ Sample { title, path, needs, .. } in &SAMPLES {
        text.push(format!(
            "| [{title}]({path}) | {} | `{}` |",
            needs(&partner.recipe),
            usage(partner, sample)
        ));
    }
    lines(text)
}

fn vector(partner: &Partner<'_>) -> String {
    let Partner { vector, recipe, .. } = partner;
    let mut text = vec!["## Test vector".to_owned(), String::new()];
    text.push("With this key, which is no secret, this time and this body, your code must come to these headers. The body is".to_owned());
    text.push("[samples/body.json](samples/body.json), without a line's end; all of it is in [samples/vector.json](samples/vector.json).".to_owned());
    text.extend([String::new(), "```sh".to_owned(), "cd samples".to_owned()]);
    let mut command = format!("WEBHOOK_SECRET='{}'", vector.secret);
    if recipe.time.is_some() {
        command.push_str(&format!(" WEBHOOK_TIMESTAMP={SIGNED_AT}"));
    }
    for given in &recipe.given {
        command.push_str(&format!(" {}='{}'", given.variable(), partner.events.given(*given)));
    }
    let factors = &partner.source.second_factors;
    if factors.secret_path {
        command.push_str(" WEBHOOK_URL=-");
    }
    text.push(format!("{command} python3 sample.py body.json --print"));
    text.extend(["```".to_owned(), String::new(), "```text".to_owned()]);
    text.extend(vector.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    text.extend([
        "```".to_owned(),
        String::new(),
        "```json".to_owned(),
        vector.body.clone(),
        "```".to_owned(),
    ]);
    if let Some(public_key) = &vector.public_key {
        text.extend([String::new(), format!("The public key that belongs to it is `{public_key}`.")]);
    }
    lines(text)
}

fn events(partner: &Partner<'_>) -> String {
    let events = &partner.events;
    let mut text = vec!["## Events".to_owned(), String::new()];
    match &events.list {
        Some(list) => text.push(format!(
            "A body is a JSON object. Its events are the list `{}`: 1 to {EVENTS_PER_DELIVERY_MAX} of them. Below, `$` is one event.",
            list.as_str()
        )),
        None => text.push("A body is one event: a JSON object, `$` below.".to_owned()),
    }
    text.push(
        "Fields that are not named here do no harm. A key must not come twice in one object.".to_owned(),
    );
    text.extend([String::new(), "| in every event | where | form |".to_owned(), "|---|---|---|".to_owned()]);
    text.extend(events.fields.iter().map(row));
    if !events.around.is_empty() {
        text.extend([
            String::new(),
            "| beside the events | where | form |".to_owned(),
            "|---|---|---|".to_owned(),
        ]);
        text.extend(events.around.iter().map(row));
    }
    text.extend([String::new(), "| type | says | with |".to_owned(), "|---|---|---|".to_owned()]);
    for meaning in &events.meanings {
        text.push(meaning_row(meaning));
    }
    text.push(String::new());
    text.push("An event of another type is kept and moves nothing. A state that is not listed is kept, and a person looks at it.".to_owned());
    text.push("An amount that is a running total counts what happened so far in all: a later and larger one replaces it.".to_owned());
    text.push(format!("An id is text of 1 to {ID_BYTES_MAX} printable ASCII characters, without spaces and `#`. Other fields hold:"));
    let is_shown = |field: &&Field| !matches!(field.leaf, Leaf::Name | Leaf::State(_));
    let fields = events.meanings.iter().flat_map(|meaning| &meaning.fields).filter(is_shown);
    let mut forms: Vec<_> =
        fields.map(|field| format!("| {} | {} |", cell(&places(field)), cell(&field.leaf.words()))).collect();
    forms.sort();
    forms.dedup();
    text.extend([String::new(), "| field | form |".to_owned(), "|---|---|".to_owned()]);
    text.extend(forms);
    lines(text)
}

/// Where a field is: the first place that holds something.
fn places(field: &Field) -> String {
    let places: Vec<_> = field.places.iter().map(|place| format!("`{}`", place.path().as_str())).collect();
    places.join(", or else ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn row(field: &Field) -> String {
    let optional = if field.is_required { "" } else { " (may be absent)" };
    format!("| {}{optional} | {} | {} |", cell(&field.what), cell(&places(field)), cell(&field.leaf.words()))
}

fn meaning_row(meaning: &Meaning) -> String {
    let types: Vec<_> = meaning.types.iter().map(|kind| format!("`{kind}`")).collect();
    let mut says = vec![meaning.says.clone()];
    says.extend(meaning.conditions());
    let with = meaning.fields.iter().map(|field| {
        let states = if let Leaf::State(_) = field.leaf {
            format!(", one of {}", field.leaf.words())
        } else {
            String::new()
        };
        format!("{}: {}{states}", field.what, places(field))
    });
    let with: Vec<_> = with.collect();
    format!("| {} | {} | {} |", cell(&types.join(", ")), cell(&says.join("; ")), cell(&with.join("; ")))
}

fn said(partner: &Partner<'_>) -> String {
    let mut text = vec!["## Answers".to_owned(), String::new()];
    text.extend(["| status | body | when | what you do |".to_owned(), "|---|---|---|---|".to_owned()]);
    for answer in answers(&partner.source.dialect) {
        let body = match &answer.said {
            Said::Text(text) if text.is_empty() => "(empty)".to_owned(),
            Said::Text(text) => format!("`{text}`"),
            Said::Counted(before, behind) => format!("`{before}…{behind}`"),
            Said::Gateway => "JSON with `message`".to_owned(),
        };
        text.push(format!("| {} | {} | {} | {} |", answer.status, cell(&body), answer.when, answer.then));
    }
    text.extend([
        String::new(),
        "Bodies are `text/plain; charset=utf-8` but where they are JSON. Decide by the status alone."
            .to_owned(),
    ]);
    lines(text)
}

fn attempts(partner: &Partner<'_>) -> String {
    let mut text = vec!["## Attempts".to_owned(), String::new()];
    text.push(format!(
        "Wait {ANSWER_SECONDS_MAX} s for an answer. After none, a 429 or a 5xx try again: {} later, each give or take a fifth, and no",
        WAITS.join(", ")
    ));
    text.push(format!(
        "sooner than `Retry-After` says. That is {} attempts over three days. A 401 is worth the same attempts, for a secret may be",
        WAITS.len().saturating_add(1)
    ));
    text.push("changing on our side. Then keep the event and tell us.".to_owned());
    if partner.source.dialect.reconcile.is_none() {
        text.push("There is no other way for us to learn of it.".to_owned());
    }
    text.push(String::new());
    text.push(
        "- Duplicates are welcome: an event counts once, by its id. Send it again whenever you are not sure."
            .to_owned(),
    );
    text.push("- The same id with another content does not replace the first: it is kept apart, and a person looks at it.".to_owned());
    text.push(
        "  So nothing that changes from attempt to attempt, such as a counter, belongs in an event."
            .to_owned(),
    );
    text.push("- Order does not matter, so do not hold events back for one that fails.".to_owned());
    if partner.events.list.is_some() {
        text.push("- One bad event of a body does not spoil the others: they are accepted, it is kept, and a person looks at it.".to_owned());
    }
    lines(text)
}

fn limits(partner: &Partner<'_>) -> String {
    let mut text =
        vec!["## Limits".to_owned(), String::new(), "| what | most |".to_owned(), "|---|---|".to_owned()];
    let mut row = |what: &str, most: String| text.push(format!("| {what} | {most} |"));
    row("body", format!("{BODY_BYTES_MAX} bytes, uncompressed"));
    if partner.events.list.is_some() {
        row("events in a body", EVENTS_PER_DELIVERY_MAX.to_string());
    }
    row("one header's value", format!("{HEADER_BYTES_MAX} bytes"));
    row("type of an event", format!("{KIND_BYTES_MAX} bytes"));
    row("nesting of the JSON", format!("{JSON_DEPTH_MAX} levels"));
    if let Some(time) = &partner.recipe.time {
        row("age of a signature", format!("{} s", time.past_seconds_max));
        row("a signature from the future", format!("{} s", time.future_seconds_max));
    }
    row("wait for an answer", format!("{ANSWER_SECONDS_MAX} s"));
    lines(text)
}
