//! What the fake Stripe does that the demonstration and the reconciliation rely on, found out by running it.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use countersign::local::{API_KEY, Confirmed, LocalStripe, PaidBy, PaymentIntent, Port, Stripe};
use countersign::output::Progress;
use countersign_domain::dialect::Dialect;
use countersign_domain::signature::{Delivery, Headers, SigningKeys, verify};
use countersign_domain::time::Timestamp;
use serde_json::Value;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "whsec_of_this_test";

async fn started() -> LocalStripe {
    LocalStripe::start(Port::Free, Progress::Shown).await.unwrap()
}

async fn paid(stripe: &Stripe, amount: i64) -> PaymentIntent {
    let payment = stripe.create_payment(amount, "eur", PaidBy::Card, false).await.unwrap();
    match stripe.confirm(&payment.id).await.unwrap() {
        Confirmed::Accepted(payment) => payment,
        Confirmed::Declined(code) => panic!("declined: {code}"),
    }
}

async fn kinds(stripe: &Stripe) -> Vec<String> {
    stripe.events().await.unwrap().into_iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn a_payment_takes_the_ways_that_its_method_decides() {
    let server = started().await;
    let stripe = server.client();
    let confirm = async |by, later| {
        let payment = stripe.create_payment(2_000, "eur", by, later).await.unwrap();
        (payment.id.clone(), stripe.confirm(&payment.id).await.unwrap())
    };
    let status = async |id: &str| {
        let payments = stripe.payments().await.unwrap();
        payments.into_iter().find(|payment| payment.id == id).unwrap().status
    };

    assert_eq!(paid(stripe, 2_000).await.status, "succeeded");
    let (declined, outcome) = confirm(PaidBy::DeclinedCard, false).await;
    assert_eq!(outcome, Confirmed::Declined("card_declined".to_owned()));
    assert_eq!(status(&declined).await, "requires_payment_method");

    let (reserved, _) = confirm(PaidBy::Card, true).await;
    assert_eq!(status(&reserved).await, "requires_capture");
    let captured = stripe.capture(&reserved, Some(1_500)).await.unwrap();
    let charge = captured.latest_charge.unwrap();
    assert_eq!(
        (captured.amount, charge.amount, charge.amount_refunded),
        (2_000, 2_000, 500),
        "the rest is refunded"
    );

    let (given_up, _) = confirm(PaidBy::Card, true).await;
    assert_eq!(stripe.cancel(&given_up).await.unwrap().status, "canceled");

    let (_, outcome) = confirm(PaidBy::CardWithAuthentication, false).await;
    let Confirmed::Accepted(asked) = outcome else { panic!("{outcome:?}") };
    assert_eq!(asked.status, "requires_action");
    assert_eq!(stripe.authenticate(&asked, true).await.unwrap().status, "succeeded");

    let (debit, _) = confirm(PaidBy::Debit, false).await;
    let (refused, _) = confirm(PaidBy::RefusedDebit, false).await;
    assert_eq!(status(&debit).await, "succeeded", "at once, although its event comes later");
    assert_eq!(status(&refused).await, "processing");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(status(&refused).await, "requires_payment_method");

    stripe.refund(&debit, Some(300)).await.unwrap();
    stripe.pay_out(5_000, "paid").await.unwrap();
    let (paid, failed) = ("payment_intent.succeeded", "payment_intent.payment_failed");
    let expected = [paid, failed, paid, paid, paid, failed, "payout.created", "payout.paid"];
    assert_eq!(
        kinds(stripe).await,
        expected,
        "in this order, and none for a reservation, a cancellation or a refund"
    );
}

#[tokio::test]
async fn lists_take_the_filters_that_reconciliation_may_use() {
    let server = started().await;
    let stripe = server.client();
    for amount in [100, 200, 300] {
        paid(stripe, amount).await;
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: String| {
        let answer =
            http.get(format!("{}{path}", stripe.base_url())).bearer_auth(API_KEY).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap_or_default())
    };
    for (path, expected) in [
        ("/v1/events?created[gte]=1500000001&created[lt]=4000000000&type=payment_intent.succeeded", 200),
        ("/v1/events?created[gt]=1500000001&created[lte]=4000000000&limit=2", 200),
        ("/v1/events?created=1500000001", 400),
        ("/v1/events?ending_before=evt_1", 400),
        ("/v1/events?types[]=payment_intent.succeeded", 400),
        ("/v1/events?delivery_success=false", 400),
        ("/v1/payment_intents?limit=2", 200),
        ("/v1/payment_intents?created[gte]=1500000001", 400),
        ("/v1/payment_intents?customer=cus_1", 400),
        ("/v1/charges?created[gt]=1500000001", 200),
        ("/v1/charges?created[gte]=1500000001", 500),
        ("/v1/charges?payment_intent=pi_1", 500),
        ("/v1/refunds?limit=2", 200),
        ("/v1/refunds?created[gte]=1500000001", 500),
        ("/v1/payouts?limit=2", 200),
        ("/v1/payouts?created[gte]=1500000001", 400),
        ("/v1/balance_transactions?limit=2", 200),
        ("/v1/balance_transactions?created[gte]=1500000001", 400),
    ] {
        assert_eq!(get(path.to_owned()).await.0, expected, "{path}");
    }

    let ids = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let (_, first) = get("/v1/payment_intents?limit=2".to_owned()).await;
    assert_eq!((first["has_more"].as_bool(), ids(&first).len()), (Some(true), 2));
    assert_eq!(first["data"][0]["amount"], 100, "oldest first");
    let (_, rest) = get(format!("/v1/payment_intents?limit=2&starting_after={}", ids(&first)[1])).await;
    assert_eq!((rest["has_more"].as_bool(), rest["data"][0]["amount"].as_i64()), (Some(false), Some(300)));
    let (_, lost) = get("/v1/payment_intents?limit=2&starting_after=pi_unknown".to_owned()).await;
    assert_eq!(ids(&lost), ids(&first), "an unknown cursor begins again from the start");
}

#[tokio::test]
async fn its_webhooks_verify_and_can_be_cut_off() {
    let server = started().await;
    let stripe = server.client();
    let (url, requests) = listener().await;
    stripe.point_webhook(&url, SECRET).await.unwrap();
    let payment = paid(stripe, 2_000).await;
    let request = tokio::task::spawn_blocking(move || {
        let request = requests.recv_timeout(Duration::from_secs(10)).unwrap();
        (request, requests)
    });
    let ((head, body), requests) = request.await.unwrap();

    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(event["data"]["object"]["id"], payment.id);
    assert_eq!(event["type"], "payment_intent.succeeded");
    let stripe_dialect = Dialect::built_in("stripe").unwrap().unwrap();
    let keys = SigningKeys::new(&stripe_dialect.auth, SECRET, None).unwrap();
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    let at = Timestamp::from_second(event["created"].as_i64().unwrap()).unwrap();
    let headers = Headers::new(headers);
    let verified = verify(
        &stripe_dialect.auth,
        &keys,
        Delivery { headers: &headers, body: &body, path_token: None, source_ip: None },
        at,
    );
    assert!(verified.is_ok(), "{:?}", verified.err());

    stripe.cut_webhook().await.unwrap();
    paid(stripe, 3_000).await;
    let nothing = tokio::task::spawn_blocking(move || requests.recv_timeout(Duration::from_secs(2)).is_err());
    assert!(nothing.await.unwrap(), "nothing is delivered while it is cut off");
    assert_eq!(kinds(stripe).await.len(), 2, "but it happened");
}

/// Takes webhooks: each one's head and body.
async fn listener() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (send, received) = channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read(&mut stream).await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .await
                .unwrap();
            if send.send(request).is_err() {
                return;
            }
        }
    });
    (url, received)
}

async fn read(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            if bytes.len() >= end + 4 + length.unwrap().parse::<usize>().unwrap() {
                return (head, bytes.split_off(end + 4));
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the request broke off");
    }
}
