//! Which world, and how much of it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A world: everything in it follows from the seed. To find out what of it matters, parts can be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// Of everything that would go wrong, what does: by its number, in the order in which it comes about.
    pub strikes: Kept,
    /// Of all payments, those that there are: by their number.
    pub payments: Kept,
}

/// Which of many numbered things there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// All of them.
    #[default]
    All,
    /// These.
    Only(BTreeSet<u32>),
}

impl Scenario {
    /// The whole world of a seed.
    #[must_use]
    pub fn whole(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

impl Kept {
    /// Whether one of the things is there.
    #[must_use]
    pub fn has(&self, number: u32) -> bool {
        match self {
            Self::All => true,
            Self::Only(numbers) => numbers.contains(&number),
        }
    }
}

impl FromIterator<u32> for Kept {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self::Only(numbers.into_iter().collect())
    }
}

/// As options of the command that shows the world again.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--seed {}", self.seed)?;
        for (option, kept) in [("--strikes", &self.strikes), ("--payments", &self.payments)] {
            if *kept != Kept::All {
                write!(f, " {option} {kept}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Only(numbers) if numbers.is_empty() => f.write_str("none"),
            Self::Only(numbers) => {
                let numbers: Vec<_> = numbers.iter().map(u32::to_string).collect();
                f.write_str(&numbers.join(","))
            }
        }
    }
}

impl FromStr for Kept {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.parse::<u32>().map_err(|_| format!("{text:?} is no number: write all, none, or 3,17,20"))
        };
        match text {
            "all" => Ok(Self::All),
            "none" => Ok(Self::Only(BTreeSet::new())),
            numbers => Ok(Self::Only(numbers.split(',').map(number).collect::<Result<_, _>>()?)),
        }
    }
}
