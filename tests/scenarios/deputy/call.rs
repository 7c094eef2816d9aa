//! The inside of the network: addresses that only the inside may reach, however they are written, other
//! schemes, redirects, and names that lead there.

use serde_json::{Value, json};

use super::case::{By, Family, SOON, Table, act, named, step};
use crate::scenarios::acts::APPROVERS;

/// What is said of an address that only the inside may reach.
const INSIDE: &str = "is inside: only public addresses may be reached";
/// What is said of what is no address.
const NONE: &str = "is not an http or https address";
/// Where the counting port of loopback stands in an address.
const PORT: &str = "PORT";
/// Where the address stands to which calls may go.
const OPEN: &str = "OPEN";

/// Addresses, as numbers.
const NUMBERS: [&str; 18] = [
    "http://127.0.0.1:PORT/",
    "http://127.0.0.3:PORT/",
    "http://[::1]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[::127.0.0.1]:PORT/",
    "http://[64:ff9b::7f00:1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://0.0.0.0:PORT/",
    "http://[::]:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://100.100.100.200/latest/meta-data/",
    "http://192.0.0.192/opc/v2/instance/",
    "https://10.96.0.1/api/v1/secrets",
    "http://192.168.0.1/",
    "http://240.0.0.1/",
];
/// The same, written so that only a resolver reads them; the last is a name.
const ODD: [&str; 8] = [
    "http://2130706433:PORT/",
    "http://0x7f000001:PORT/",
    "http://0177.0.0.1:PORT/",
    "http://127.1:PORT/",
    "http://0:PORT/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/latest/meta-data/",
    "http://localhost:PORT/",
];
/// Names of the inside: where nobody knows them they lead nowhere.
const NAMES: [&str; 3] = [
    "https://kubernetes.default.svc/api/v1/secrets",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://localhost.:PORT/",
];
/// The host is what stands after the last `@`.
const PEOPLE: [&str; 2] = [
    "http://deputy@127.0.0.1:PORT/",
    "http://OPEN@127.0.0.1:PORT/",
];
/// No addresses.
const BROKEN: [&str; 3] = [
    "http://OPEN\\@127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "http://OPEN/\r\nHost: 127.0.0.1:PORT",
];
/// Other schemes.
const SCHEMES: [&str; 5] = [
    "file:///etc/passwd",
    "ftp://127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/_x",
    "unix:///var/run/docker.sock",
    "HTTP://127.0.0.1:PORT/",
];
/// Answers that send a caller elsewhere.
pub const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// Everything of this kind.
pub fn fill(table: &mut Table<'_>) {
    table.family = Family::Call;
    for (urls, said) in [
        (&NUMBERS[..], INSIDE),
        (&ODD[..], INSIDE),
        (&NAMES[..], "not in time"),
        (&PEOPLE[..], INSIDE),
        (&BROKEN[..], NONE),
    ] {
        for url in urls {
            let url = at(table, url);
            let step = call(&url);
            table.stop(format!("a call of {url}"), step, By::Act, said);
        }
    }
    let server = table.ground.server.clone();
    table.stop("a call of the API server", call(&server), By::Act, INSIDE);
    for code in REDIRECTS {
        let url = at(table, &format!("http://OPEN/redirect/{code}"));
        let what = format!("a call that is sent elsewhere with {code}");
        table.stop(what, call(&url), By::Act, format!("answered {code}"));
    }
    schemes(table);
    by_parameter(table);
    other_words(table);
    honest(table);
}

/// An address with what is known of the world.
fn at(table: &Table<'_>, url: &str) -> String {
    let port = table.ground.inside.to_string();
    url.replace(PORT, &port).replace(OPEN, &table.ground.open)
}

fn call(url: &str) -> Value {
    let mut step = act("call", &json!({ "url": url, "irreversible": true }));
    step["timeout"] = json!(SOON);
    step
}

fn schemes(table: &mut Table<'_>) {
    for url in SCHEMES {
        let url = at(table, url);
        let step = call(&url);
        table.stop(format!("a call of {url}"), step, By::Lint, "PZ0531");
    }
    let there = at(table, "http://OPEN/there");
    for method in ["GET", "CONNECT", "TRACE"] {
        let mut step = call(&there);
        step["call"]["method"] = json!(method);
        table.stop(format!("a call by {method}"), step, By::Lint, "PZ0531");
    }
    let back = at(table, "file:///etc/passwd");
    let step = act("call", &json!({ "url": there, "undo": back }));
    table.stop("a call undone by a file", step, By::Lint, "PZ0531");
}

/// What the declarer gives is guarded no less than what the author writes.
fn by_parameter(table: &mut Table<'_>) {
    let rows = [
        ("http://127.0.0.1:PORT/", INSIDE),
        ("http://[::ffff:127.0.0.1]:PORT/", INSIDE),
        ("file:///etc/passwd", NONE),
        ("gopher://127.0.0.1:PORT/_x", NONE),
    ];
    for (url, said) in rows {
        let url = at(table, url);
        let what = format!("a call of what a parameter says: {url}");
        let case = table.stop(what, call("${parameters.url}"), By::Act, said);
        case.given("url", &url);
    }
    let partly = at(table, "http://${parameters.host}:PORT/");
    table
        .stop(
            "a call of a host that a parameter says",
            call(&partly),
            By::Lint,
            "PZ0204",
        )
        .given("host", "127.0.0.1");
}

/// A channel is the operator's configuration: an address is none.
fn other_words(table: &mut Table<'_>) {
    let asked = json!({ "channels": ["http://169.254.169.254/"], "message": { "en": "closed" } });
    let mut step = act("notify", &asked);
    step["critical"] = json!(true);
    table.stop(
        "an address as a channel",
        step,
        By::Act,
        "there is no channel",
    );
}

fn honest(table: &mut Table<'_>) {
    let there = at(table, "http://OPEN/there");
    table.take("a call of what is open", call(&there));
    table
        .take("a call of what a parameter says", call("${parameters.url}"))
        .given("url", &there);
    let back = json!({ "url": there, "undo": there });
    table.take("a call that is undone", act("call", &back));
    let asked = json!({ "channels": ["districts"], "message": { "en": "closed" } });
    table.take("a word to people", act("notify", &asked));
    let asked = json!({ "groups": [APPROVERS], "prompt": { "en": "Close?" } });
    table.take("a gate", act("gate", &asked));
    let targets = named("Deployment", &table.ground.space, &table.ground.free());
    let asked = json!({ "condition": { "type": "Available" } });
    table.take("a wait", step("wait", &asked, &targets));
}
