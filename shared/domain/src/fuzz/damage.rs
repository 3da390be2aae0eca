//! Real input, damaged as the fuzzer's bytes say: what parsers meet in life is nearly right.

/// The first byte of an input that is taken as it stands.
const RAW: u8 = 255;
/// Most edits of one sample. With more of them nothing real is left.
const EDITS_MAX: u8 = 12;

/// What a fuzzer's bytes decide, one after the other; zero when they are used up.
pub(super) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// One of so many; zero of none.
    pub(super) fn one_of(&mut self, many: usize) -> usize {
        let [high, low] = [self.byte(), self.byte()];
        usize::from(u16::from_be_bytes([high, low])).checked_rem(many).unwrap_or(0)
    }

    /// The next bytes, at most so many.
    pub(super) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.bytes(usize::MAX)
    }
}

/// One of the samples after some edits, or what the script itself holds.
pub(super) fn damaged(samples: &[impl AsRef<[u8]>], tokens: &[&str], script: &mut Script<'_>) -> Vec<u8> {
    let first = script.byte();
    if first == RAW {
        return script.rest().to_vec();
    }
    let mut text = samples[usize::from(first) % samples.len()].as_ref().to_vec();
    for _ in 0..script.byte() % EDITS_MAX {
        edit(&mut text, tokens, script);
    }
    text
}

fn edit(text: &mut Vec<u8>, tokens: &[&str], script: &mut Script<'_>) {
    let what = script.byte();
    let at = script.one_of(text.len() + 1);
    let end = |bytes: usize| (at + bytes).min(text.len());
    let line = line_at(text, at);
    match what % 8 {
        0 => {
            let bytes = script.bytes(1);
            text.splice(at..end(bytes.len()), bytes.iter().copied());
        }
        1 => {
            let bytes = usize::from(script.byte());
            text.drain(at..end(bytes));
        }
        2 => {
            let many = usize::from(script.byte() % 9);
            text.splice(at..at, script.bytes(many).iter().copied());
        }
        3 => {
            let token = tokens[usize::from(script.byte()) % tokens.len()];
            text.splice(at..at, token.bytes());
        }
        4 => {
            let token = tokens[usize::from(script.byte()) % tokens.len()];
            text.splice(at..end(token.len()), token.bytes());
        }
        5 => {
            text.drain(line);
        }
        6 => {
            let again = text[line.clone()].to_vec();
            text.splice(line.start..line.start, again);
        }
        _ => {
            let moved: Vec<_> = text.drain(line).collect();
            let to = line_at(text, script.one_of(text.len() + 1)).start;
            text.splice(to..to, moved);
        }
    }
}

/// The line around a place, with its end.
fn line_at(text: &[u8], at: usize) -> std::ops::Range<usize> {
    let before = text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let behind = text[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |more| at + more + 1);
    before..behind
}
