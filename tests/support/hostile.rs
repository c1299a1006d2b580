//! The most expensive credentials that fit into a header. They are nothing but text, so that tests and
//! benches share them; whoever uses them encodes and signs.
#![allow(dead_code, unreachable_pub)]

pub const ISSUER: &str = "https://id.example.com";
pub const AUDIENCE: &str = "https://api.example.com";
/// When the tokens are presented, in seconds.
pub const NOW: i64 = 1_700_000_000;

/// A JWT to be signed by HS256 with the verifier's own key, as if the issuer were the attacker.
#[derive(Debug)]
pub struct Hostile {
    pub name: &'static str,
    /// Whether it is strange and yet good.
    pub admitted: bool,
    pub header: String,
    pub payload: String,
}

/// JWTs that make an `Authorization` header of `max` bytes, or a few less.
pub fn tokens(max: usize) -> Vec<Hostile> {
    let room = payload_room(max);
    let payload = |name, admitted, payload| Hostile {
        name,
        admitted,
        header: HEADER.to_owned(),
        payload,
    };
    let header = |name, admitted, header| Hostile {
        name,
        admitted,
        header,
        payload: format!("{}}}", claims()),
    };
    // Good claims with a further member, which is as long as can be.
    let long = |begin: &str, unit: &dyn Fn(usize) -> String, end: &str| {
        filled(&(claims() + begin), unit, &format!("{end}}}"), room)
    };
    let deep = |begin: &str, pair| nested(&(claims() + begin), pair, "}", room);
    let alike = |unit: &'static str| move |_: usize| unit.to_owned();
    let member = |n: usize| format!(r#","{n:x}":0"#);
    let escaped_member = |n: usize| format!(r#","\u0061{n:x}":0"#);
    let audiences = filled(
        &claims().replace(r#""aud":"#, r#""aud":["x","#),
        &alike(r#","x""#),
        "]}",
        room,
    );
    vec![
        payload("arrays in arrays", true, deep(r#","x":"#, ["[", "]"])),
        payload(
            "objects in objects",
            true,
            deep("", [r#","x":{"y":0"#, "}"]),
        ),
        payload("arrays in cnf", false, deep(r#","cnf":"#, ["[", "]"])),
        payload("arrays in scope", false, deep(r#","scope":"#, ["[", "]"])),
        payload("members", true, long("", &member, "")),
        payload("members, escaped", true, long("", &escaped_member, "")),
        payload(
            "members, alike",
            true,
            long("", &|n| format!(r#","a{n:04x}a":0"#), ""),
        ),
        payload("members, one twice", false, long("", &member, r#","0":0"#)),
        payload("a string", true, long(r#","x":""#, &alike("x"), r#"""#)),
        payload(
            "an acr, escaped",
            true,
            long(r#","acr":""#, &alike(r"\u0061"), r#"""#),
        ),
        payload("a jti", true, long(r#","jti":""#, &alike("x"), r#"""#)),
        payload("an integer", true, long(r#","x":1"#, &alike("0"), "")),
        payload(
            "an integer as nbf",
            false,
            long(r#","nbf":1"#, &alike("0"), ""),
        ),
        payload(
            "a fraction as nbf",
            true,
            long(r#","nbf":1."#, &alike("0"), "1"),
        ),
        payload(
            "an exponent as nbf",
            true,
            long(r#","nbf":1e-1"#, &alike("0"), ""),
        ),
        payload(
            "scopes",
            true,
            long(r#","scope":"x"#, &|n| format!(" {n:x}"), r#"""#),
        ),
        payload(
            "a scope repeated",
            true,
            long(r#","scope":"x"#, &alike(" x"), r#"""#),
        ),
        payload(
            "scopes in an array",
            true,
            long(r#","scope":["x""#, &|n| format!(r#","{n:x}""#), "]"),
        ),
        payload(
            "scopes, escaped",
            true,
            long(r#","scope":["x""#, &|n| format!(r#","\u0061{n:x}""#), "]"),
        ),
        payload(
            "roles",
            true,
            long(r#","roles":["x""#, &alike(",\"\""), "]"),
        ),
        payload("audiences", true, audiences),
        header(
            "a header of members",
            true,
            filled(START, &escaped_member, "}", MAX_HEADER),
        ),
        header(
            "a header, nested",
            true,
            nested(&format!(r#"{START},"x":"#), ["[", "]"], "}", MAX_HEADER),
        ),
        header(
            "a kid",
            true,
            filled(
                &format!(r#"{START},"kid":""#),
                &alike(r"\u0061"),
                r#""}"#,
                MAX_HEADER,
            ),
        ),
        header(
            "too long a header",
            false,
            filled(START, &member, "}", MAX_HEADER + 16),
        ),
    ]
}

/// Texts that nobody signed, in a header of `max` bytes or a few less.
pub fn texts(max: usize, encode: impl Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let room = max - SCHEME.len();
    let with = |start: &str, unit: &str| {
        start.to_owned() + &unit.repeat((room - start.len()) / unit.len())
    };
    let header = encode(HEADER);
    let payload = encode(&filled(
        &claims(),
        &|n| format!(r#","\u0061{n:x}":0"#),
        "}",
        payload_room(max),
    ));
    vec![
        ("dots", with("", ".")),
        ("letters and dots", with("", "a.")),
        ("letters", with("", "A")),
        ("padding", with("A", "=")),
        ("a prefix and letters", with("st_", "A")),
        ("a signature", with(&format!("{header}.e30."), "A")),
        ("members, unsigned", format!("{header}.{payload}.AAAA")),
        ("members in the header", format!("{payload}.e30.AAAA")),
    ]
}

const SCHEME: &str = "Bearer ";
const HEADER: &str = r#"{"alg":"HS256"}"#;
const START: &str = r#"{"alg":"HS256""#;
/// The longest that is read.
const MAX_HEADER: usize = 2048;

/// Claims that are good, without the closing brace.
fn claims() -> String {
    let exp = NOW + 60;
    format!(r#"{{"iss":"{ISSUER}","sub":"alice","exp":{exp},"aud":"{AUDIENCE}""#)
}

/// How long a payload can be, before it is encoded.
fn payload_room(max: usize) -> usize {
    let encoded = |len: usize| (len * 4).div_ceil(3);
    (max - SCHEME.len() - encoded(HEADER.len()) - encoded(32) - 2) / 4 * 3
}

/// `start`, as many units as there is room for, and `end`.
fn filled(start: &str, unit: &dyn Fn(usize) -> String, end: &str, room: usize) -> String {
    let mut text = start.to_owned();
    for n in 0.. {
        let unit = unit(n);
        if text.len() + unit.len() + end.len() > room {
            break;
        }
        text.push_str(&unit);
    }
    text + end
}

/// `start`, as many pairs as there is room for, one within the other, and `end`.
fn nested(start: &str, [open, close]: [&str; 2], end: &str, room: usize) -> String {
    let depth = (room - start.len() - end.len()) / (open.len() + close.len());
    [start, &open.repeat(depth), &close.repeat(depth), end].concat()
}
