//! What happens at the providers: payments that are asked for, taken, given back, disputed.

use crate::auditor::model::{Happening, Progress};
use crate::world::dice::Dice;

/// A currency and its number of decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Currency {
    pub(crate) code: &'static str,
    pub(crate) decimals: usize,
}

const CURRENCIES: [Currency; 4] = [
    Currency { code: "EUR", decimals: 2 },
    Currency { code: "USD", decimals: 2 },
    Currency { code: "JPY", decimals: 0 },
    Currency { code: "BHD", decimals: 3 },
];

impl Currency {
    /// Another one.
    pub(crate) fn other(self) -> Self {
        if self.code == "EUR" { CURRENCIES[1] } else { CURRENCIES[0] }
    }
}

/// How a field is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Garble {
    /// A currency that nobody knows.
    Currency,
    /// A fraction smaller than the currency has.
    Fraction,
    /// No amount at all.
    NoAmount,
    /// A state that the dialect does not list.
    State,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Something that moves a payment.
    Happens(Happening),
    /// Something that is none of our business.
    Unmapped,
    /// Something of which a field cannot be used.
    Garbled(Garble),
}

/// One payment's life.
pub(crate) struct Life {
    pub(crate) currency: Currency,
    pub(crate) happenings: Vec<Happening>,
}

/// Lets a payment live. Not every provider can say that a bank pulled money back.
pub(crate) fn live(name: &str, can_be_pulled_back: bool, dice: &mut Dice) -> Life {
    let currency = dice.pick(&CURRENCIES);
    let amount = dice.between(100, 100_000);
    let mut life = vec![Happening::Asked(amount)];
    for attempt in 0..dice.below(3) {
        life.push(match dice.below(3) {
            0 => Happening::NeedsAction,
            1 => Happening::Processing,
            _ => Happening::Declined(format!("{name}-try{attempt}")),
        });
    }
    let taken = match dice.below(8) {
        0 => 0,
        1 => {
            if dice.in_thousand(500) {
                life.push(Happening::Reserved(amount));
            }
            life.push(if dice.in_thousand(500) { Happening::CalledOff } else { Happening::RanOut });
            0
        }
        2 | 3 => {
            life.push(Happening::Reserved(amount));
            let part = dice.between(1, amount);
            life.push(Happening::TakenInAll(part));
            part
        }
        4 => {
            life.push(Happening::Reserved(amount));
            let part = dice.between(1, amount.saturating_sub(1));
            life.push(Happening::TakenInAll(part));
            life.push(Happening::TakenInAll(amount));
            amount
        }
        _ => {
            life.push(Happening::TakenInAll(amount));
            amount
        }
    };
    if taken > 0 {
        match dice.below(4) {
            0 if can_be_pulled_back => {
                life.push(Happening::PulledBack { item: format!("{name}-back"), amount: taken });
            }
            0 | 1 => dispute(&mut life, name, taken, dice),
            2 => refunds(&mut life, name, taken, dice),
            _ => {}
        }
    }
    Life { currency, happenings: life }
}

fn refunds(life: &mut Vec<Happening>, name: &str, taken: i64, dice: &mut Dice) {
    let is_named = dice.in_thousand(700);
    let mut alive = 0;
    for n in 0..dice.between(1, 3) {
        let left = taken.saturating_sub(alive);
        if left == 0 {
            return;
        }
        let amount = dice.between(1, left);
        let item = format!("{name}-refund{n}");
        let mut refund = |progress| life.push(Happening::Refund { item: item.clone(), amount, progress });
        let mut is_alive = true;
        if is_named {
            refund(Progress::Pending);
            match dice.below(4) {
                0 => {}
                1 | 2 => refund(Progress::Succeeded),
                _ => {
                    refund(if dice.in_thousand(500) { Progress::Failed } else { Progress::Canceled });
                    is_alive = false;
                }
            }
        }
        if is_alive {
            alive = alive.saturating_add(amount);
            if !is_named || dice.in_thousand(500) {
                life.push(Happening::GivenBackInAll(alive));
            }
        }
    }
}

fn dispute(life: &mut Vec<Happening>, name: &str, taken: i64, dice: &mut Dice) {
    let item = format!("{name}-dispute");
    let amount = dice.between(1, taken);
    let mut stage = |stage| life.push(Happening::Dispute { item: item.clone(), amount, stage });
    if dice.in_thousand(300) {
        stage("inquiry");
    }
    stage("open");
    let is_contested = dice.in_thousand(600);
    if is_contested {
        stage("under_review");
    }
    let is_won = is_contested && dice.in_thousand(500);
    stage(if is_won { "won" } else { "lost" });
    life.push(Happening::DisputeTook { item: item.clone(), amount });
    if is_won {
        life.push(Happening::DisputeGave { item, amount });
    }
}

/// Lets a payout to our bank live.
pub(crate) fn pay_out(name: &str, dice: &mut Dice) -> Life {
    let (currency, amount) = (dice.pick(&CURRENCIES), dice.between(100, 1_000_000));
    let mut happenings = Vec::new();
    let mut payout =
        |progress| happenings.push(Happening::Payout { item: name.to_owned(), amount, progress });
    payout(Progress::Pending);
    match dice.below(4) {
        0 => payout(Progress::Canceled),
        1 => {}
        more => {
            payout(Progress::Succeeded);
            if more == 2 {
                payout(Progress::Failed);
            }
        }
    }
    Life { currency, happenings }
}
