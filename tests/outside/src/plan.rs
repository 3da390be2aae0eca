//! What is sent: an endless list of deliveries that a seed decides, in exact shares.

use countersign_sim::world::Dice;
use serde_json::json;
use std::collections::VecDeque;

/// Deliveries after which every share has come out exactly.
pub const BLOCK: usize = 200;

/// Of a block: duplicates (5 %), late ones (5 %), forged ones (1 %), other meanings under a known id, unusable ones.
const SHARES: [(Slot, usize); 5] =
    [(Slot::Again, 10), (Slot::Ahead, 10), (Slot::Forged, 2), (Slot::OtherMeaning, 1), (Slot::Unusable, 1)];

/// Payments whose events are on their way at the same time.
const OPEN: usize = 24;

/// How far back a duplicate may reach.
const REMEMBERED: usize = 300;

/// When the first payment happened, in Unix seconds.
const BEGAN: u64 = 1_790_000_000;

/// In whose words a source speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// `stripe`.
    Stripe,
    /// `partner-hmac`.
    Partner,
}

impl Words {
    /// The dialect's name in the catalogue.
    #[must_use]
    pub fn dialect(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Partner => "partner-hmac",
        }
    }
}

/// The sources of every trial.
pub const SOURCES: [(&str, Words); 6] = [
    ("stripe-one", Words::Stripe),
    ("stripe-two", Words::Stripe),
    ("stripe-three", Words::Stripe),
    ("partner-one", Words::Partner),
    ("partner-two", Words::Partner),
    ("partner-three", Words::Partner),
];

/// Of an event id, the first meaning that was planned, or another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// The one it was made with.
    First,
    /// Another one: what comes second is a finding.
    Other,
}

/// How a delivery is not what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Signed with a secret that is not the source's.
    WrongSecret,
    /// The amount was changed after it was signed.
    Altered,
    /// No signature at all.
    Unsigned,
    /// Signed long ago.
    Stale,
}

/// How a delivery is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// As the source's dialect wants it.
    Genuine,
    /// It must be refused.
    Forged(Forgery),
}

/// One thing to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which one of [`SOURCES`].
    pub source: usize,
    /// The event's id.
    pub event: String,
    /// Which meaning of it.
    pub meaning: Meaning,
    /// The payment it is about.
    pub payment: String,
    /// What it says was captured, in minor units.
    pub captures: Option<i64>,
    /// How it is proved.
    pub proof: Proof,
    /// Its bytes.
    pub body: String,
}

/// What the next delivery is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    InTurn,
    Again,
    Ahead,
    Forged,
    OtherMeaning,
    Unusable,
}

/// One event of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Initiated,
    Pending,
    Authorized,
    Captured,
    /// The same capture under another id: it says nothing new.
    CapturedAgain,
    /// In a currency that there is not.
    Unusable,
}

/// A payment that is under way.
#[derive(Debug)]
struct Life {
    number: u64,
    source: usize,
    amount: i64,
    steps: VecDeque<Step>,
    /// Whether a later event was sent before the first of `steps`.
    is_overtaken: bool,
}

/// The deliveries of a seed, one after the other.
#[derive(Debug)]
pub struct Plan {
    dice: Dice,
    slots: Vec<Slot>,
    open: Vec<Life>,
    recent: VecDeque<Delivery>,
    /// Events whose other meaning does not touch an amount, and has not been sent.
    harmless: VecDeque<Delivery>,
    payments: u64,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed, 0),
            slots: Vec::new(),
            open: Vec::new(),
            recent: VecDeque::new(),
            harmless: VecDeque::new(),
            payments: 0,
        }
    }

    fn slot(&mut self) -> Slot {
        if self.slots.is_empty() {
            for (slot, share) in SHARES {
                self.slots.extend(std::iter::repeat_n(slot, share));
            }
            self.slots.resize(BLOCK, Slot::InTurn);
            self.dice.shuffle(&mut self.slots);
        }
        self.slots.pop().unwrap_or(Slot::InTurn)
    }

    fn life(&mut self) -> Life {
        self.payments = self.payments.saturating_add(1);
        let mut steps = VecDeque::from([Step::Captured]);
        for step in [Step::Authorized, Step::Pending, Step::Initiated] {
            if steps.len() < 2 || self.dice.below(2) == 0 {
                steps.push_front(step);
            }
        }
        if self.dice.below(4) == 0 {
            steps.push_back(Step::CapturedAgain);
        }
        Life {
            number: self.payments,
            source: self.dice.index(SOURCES.len()),
            amount: self.dice.between(100, 99_999),
            steps,
            is_overtaken: false,
        }
    }

    /// The next event of some open payment.
    fn in_turn(&mut self) -> Delivery {
        while self.open.len() < OPEN {
            let life = self.life();
            self.open.push(life);
        }
        let position = self.dice.index(self.open.len());
        let mut life = self.open.swap_remove(position);
        let step = life.steps.pop_front().unwrap_or(Step::Captured);
        life.is_overtaken = false;
        let delivery = life.delivery(step, Meaning::First);
        if step == Step::Pending {
            self.harmless.push_back(life.delivery(step, Meaning::Other));
        }
        if !life.steps.is_empty() {
            self.open.push(life);
        }
        delivery
    }

    /// An event whose predecessor has not been sent: that one will be late.
    fn ahead(&mut self) -> Delivery {
        let can_wait = |life: &Life| life.steps.len() > 1 && !life.is_overtaken;
        let position = self.open.iter().position(can_wait).unwrap_or_else(|| {
            let life = self.life();
            self.open.push(life);
            self.open.len().saturating_sub(1)
        });
        let life = &mut self.open[position];
        life.is_overtaken = true;
        let step = life.steps.remove(1).unwrap_or(Step::Captured);
        life.delivery(step, Meaning::First)
    }

    fn again(&mut self) -> Option<Delivery> {
        let position = self.dice.index(self.recent.len());
        self.recent.get(position).cloned()
    }

    fn forged(&mut self) -> Delivery {
        let forgeries = [Forgery::WrongSecret, Forgery::Altered, Forgery::Unsigned, Forgery::Stale];
        let forgery = forgeries[self.dice.index(forgeries.len())];
        let delivery = self.life().delivery(Step::Captured, Meaning::First);
        Delivery { proof: Proof::Forged(forgery), ..delivery }
    }
}

impl Iterator for Plan {
    type Item = Delivery;

    fn next(&mut self) -> Option<Delivery> {
        let delivery = match self.slot() {
            Slot::InTurn => self.in_turn(),
            Slot::Ahead => self.ahead(),
            Slot::Again => match self.again() {
                Some(delivery) => return Some(delivery),
                None => self.in_turn(),
            },
            Slot::Forged => return Some(self.forged()),
            Slot::OtherMeaning => match self.harmless.pop_front() {
                Some(delivery) => delivery,
                None => self.in_turn(),
            },
            Slot::Unusable => self.life().delivery(Step::Unusable, Meaning::First),
        };
        self.recent.push_back(delivery.clone());
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
        Some(delivery)
    }
}

impl Life {
    fn delivery(&self, step: Step, meaning: Meaning) -> Delivery {
        let (name, words) = SOURCES[self.source];
        let payment = format!("pay_{}_{}", self.number, name.replace('-', "_"));
        let event = format!("evt_{}_{}", self.number, step.name());
        let captures = matches!(step, Step::Captured | Step::CapturedAgain).then_some(self.amount);
        let at = BEGAN.saturating_add(self.number).saturating_add(u64::from(meaning == Meaning::Other));
        let body = match words {
            Words::Stripe => stripe(step, &event, &payment, self.amount, at),
            Words::Partner => partner(step, &event, &payment, self.amount, at),
        };
        Delivery { source: self.source, event, meaning, payment, captures, proof: Proof::Genuine, body }
    }
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Pending => "pending",
            Self::Authorized => "authorized",
            Self::Captured => "captured",
            Self::CapturedAgain => "captured_again",
            Self::Unusable => "unusable",
        }
    }

    fn currency(self) -> &'static str {
        if self == Self::Unusable { "ZZQ" } else { "EUR" }
    }
}

fn stripe(step: Step, event: &str, payment: &str, amount: i64, at: u64) -> String {
    let (kind, field) = match step {
        Step::Initiated => ("payment_intent.created", "amount"),
        Step::Pending => ("payment_intent.processing", "amount"),
        Step::Authorized => ("payment_intent.amount_capturable_updated", "amount_capturable"),
        Step::Captured | Step::CapturedAgain | Step::Unusable => {
            ("payment_intent.succeeded", "amount_received")
        }
    };
    let currency = step.currency().to_ascii_lowercase();
    let object = json!({ "id": payment, "currency": currency, field: amount });
    let event = json!({
        "id": event, "object": "event", "type": kind, "created": at, "livemode": false,
        "data": { "object": object }, "pending_webhooks": 1,
    });
    event.to_string()
}

fn partner(step: Step, event: &str, payment: &str, amount: i64, at: u64) -> String {
    let kind = match step {
        Step::Initiated => "payment.initiated",
        Step::Pending => "payment.pending",
        Step::Authorized => "payment.authorized",
        Step::Captured | Step::CapturedAgain | Step::Unusable => "payment.captured",
    };
    let amount = format!("{}.{:02}", amount / 100, amount % 100);
    let event = json!({
        "id": event, "type": kind, "payment": payment, "amount": amount, "currency": step.currency(),
        "reference": at,
    });
    json!({ "events": [event] }).to_string()
}

#[cfg(test)]
mod tests;
