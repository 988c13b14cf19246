//! Form bodies with Stripe's brackets: `a[b]=1`, `a[]=1`, `a[0][b]=1` become a tree; nothing is typed yet.

use crate::http::error::StripeError;

/// Deeper nesting than any of Stripe's parameters has.
const DEPTH_MAX: usize = 10;
/// More pairs than any of Stripe's requests has.
const PAIRS_MAX: usize = 2_000;

/// What was sent under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Text(String),
    /// In order of first appearance; items of `a[]` are named by their position.
    Tree(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        match self {
            Node::Text(_) => None,
            Node::Tree(members) => members
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, node)| node),
        }
    }
}

/// Parses a form body or a query string.
pub(crate) fn parse(body: &str) -> Result<Node, StripeError> {
    let mut root = Node::Tree(Vec::new());
    for (count, pair) in body.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        if count >= PAIRS_MAX {
            return Err(StripeError::invalid("Too many parameters.").validation());
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name);
        let path = path_of(&name);
        if path.len() > DEPTH_MAX {
            return Err(StripeError::invalid(format!("Invalid parameter: {name}")).validation());
        }
        insert(&mut root, &path, decode(value));
    }
    Ok(root)
}

fn path_of(name: &str) -> Vec<String> {
    let Some((head, rest)) = name.split_once('[') else {
        return vec![name.to_owned()];
    };
    let mut path = vec![head.to_owned()];
    path.extend(rest.trim_end_matches(']').split("][").map(str::to_owned));
    path
}

fn insert(node: &mut Node, path: &[String], value: String) {
    let Some((first, rest)) = path.split_first() else {
        *node = Node::Text(value);
        return;
    };
    if matches!(node, Node::Text(_)) {
        *node = Node::Tree(Vec::new());
    }
    let Node::Tree(members) = node else { return };
    let name = if first.is_empty() {
        slot_for(members, rest)
    } else {
        first.clone()
    };
    if let Some((_, child)) = members.iter_mut().find(|(n, _)| *n == name) {
        insert(child, rest, value);
    } else {
        let mut child = Node::Tree(Vec::new());
        insert(&mut child, rest, value);
        members.push((name, child));
    }
}

/// `a[][b]=1&a[][c]=2` is one item until a name repeats, as in Rack's parser which Stripe uses.
fn slot_for(members: &[(String, Node)], rest: &[String]) -> String {
    if let (Some((last, node)), Some(next)) = (members.last(), rest.first())
        && matches!(node, Node::Tree(_))
        && node.get(next).is_none()
    {
        return last.clone();
    }
    members.len().to_string()
}

/// Undoes percent-encoding; bytes that are not UTF-8 become replacement characters.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match (
            bytes[at],
            hex.and_then(|pair| u8::from_str_radix(pair, 16).ok()),
        ) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (b'+', _) => {
                out.push(b' ');
                at += 1;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(node: &Node, path: &[&str]) -> String {
        let found = path.iter().fold(node, |node, name| node.get(name).unwrap());
        match found {
            Node::Text(text) => text.clone(),
            Node::Tree(_) => panic!("{path:?} is a tree"),
        }
    }

    #[test]
    fn brackets_nest_whether_raw_or_encoded() {
        let node = parse("line_items%5B0%5D[price]=price_1&line_items[0][quantity]=2").unwrap();
        assert_eq!(text(&node, &["line_items", "0", "price"]), "price_1");
        assert_eq!(text(&node, &["line_items", "0", "quantity"]), "2");
    }

    #[test]
    fn empty_brackets_make_items_in_order() {
        let node = parse("expand[]=a&expand[]=b.c&x[][k]=1&x[][l]=2&x[][k]=3").unwrap();
        assert_eq!(text(&node, &["expand", "1"]), "b.c");
        assert_eq!(text(&node, &["x", "0", "l"]), "2");
        assert_eq!(text(&node, &["x", "1", "k"]), "3");
    }

    #[test]
    fn broken_encodings_and_brackets_do_not_panic() {
        for body in [
            "%",
            "%zz=1",
            "a[=1",
            "]=1",
            "a[b=c",
            "[][][]=1",
            "a=1&a[b]=2",
            "=",
            "%ff=%fe",
        ] {
            parse(body).unwrap();
        }
    }
}
