//! What a text from outside looks like, without what it says.

use serde::Serialize;

/// Longest shape that is told, in characters: enough for an amount, a day or a reference.
const CHARS_MAX: usize = 40;

/// The shape of a text: a letter is `a` or `A`, a digit `9`, marks are as they stand. It tells a comma from a point and a
/// day from an amount, and nobody's name or number: a cell may hold anything once a row has a mark too many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shape(String);

impl Shape {
    /// The shape of the beginning of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let masked = |character: char| match character {
            _ if character.is_uppercase() => 'A',
            _ if character.is_alphabetic() => 'a',
            _ if character.is_numeric() => '9',
            ' ' => ' ',
            mark if mark.is_ascii_graphic() => mark,
            _ => '?',
        };
        Self(text.chars().take(CHARS_MAX).map(masked).collect())
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { f.write_str("empty") } else { write!(f, "like {:?}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_tells_how_a_text_is_written_and_not_what_it_says() {
        for (text, shape) in [
            ("", "empty"),
            ("1.234,50-", r#"like "9.999,99-""#),
            ("31.02.2026 09:15", r#"like "99.99.9999 99:99""#),
            ("Gift", r#"like "Aaaa""#),
            ("\"Jane Doe <jane@example.com>", r#"like "\"Aaaa Aaa <aaaa@aaaaaaa.aaa>""#),
            ("4111 1111", r#"like "9999 9999""#),
            ("J\u{fc}rgen\u{663}\t\u{1f600}", r#"like "Aaaaaa9??""#),
            (&"x".repeat(41), &format!("like {:?}", "a".repeat(40))),
        ] {
            assert_eq!(Shape::of(text).to_string(), shape, "{text}");
        }
    }
}
