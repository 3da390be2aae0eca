//! Where every value of a JSON text begins and ends, found in one pass.

/// One value, or the key of a member. A key stands right before its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// Its first byte.
    pub(super) start: usize,
    /// Behind its last byte.
    pub(super) end: usize,
    /// Behind its last node: its own, and those of what it holds.
    pub(super) after: usize,
    /// What it is.
    pub(super) kind: Kind,
}

/// What stands somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    List,
    /// A string without a backslash: its content is its source.
    PlainText,
    EscapedText,
    Number,
    Boolean,
    Null,
}

/// The nodes of a text that is known to be one JSON value. Nesting costs no stack.
pub(super) fn nodes(text: &str) -> Vec<Node> {
    let bytes = text.as_bytes();
    // A value takes some ten bytes with its key and marks: more room is made where it takes less.
    let mut nodes: Vec<Node> = Vec::with_capacity(bytes.len() / 8);
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        let kind = match byte {
            b'"' => {
                let is_escaped;
                (at, is_escaped) = behind_text(bytes, at);
                if is_escaped { Kind::EscapedText } else { Kind::PlainText }
            }
            b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' => {
                at += 1;
                continue;
            }
            b'}' | b']' => {
                at += 1;
                let after = nodes.len();
                if let Some(node) = open.pop().and_then(|begun: usize| nodes.get_mut(begun)) {
                    (node.end, node.after) = (at, after);
                }
                continue;
            }
            b'{' | b'[' => {
                at += 1;
                open.push(nodes.len());
                if *byte == b'{' { Kind::Object } else { Kind::List }
            }
            other => {
                at = behind_word(bytes, at);
                match other {
                    b't' | b'f' => Kind::Boolean,
                    b'n' => Kind::Null,
                    _ => Kind::Number,
                }
            }
        };
        nodes.push(Node { start, end: at, after: nodes.len() + 1, kind });
    }
    nodes
}

/// Behind the quote that ends a string, and whether a backslash stands in it.
fn behind_text(bytes: &[u8], quote: usize) -> (usize, bool) {
    let mut at = quote + 1;
    let mut is_escaped = false;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return (at + 1, is_escaped),
            b'\\' => {
                is_escaped = true;
                at += 2;
            }
            _ => at += 1,
        }
    }
    (bytes.len(), is_escaped)
}

fn behind_word(bytes: &[u8], start: usize) -> usize {
    let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter().position(is_end).map_or(bytes.len(), |length| start + length)
}
