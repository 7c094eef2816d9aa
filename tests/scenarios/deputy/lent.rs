//! Another's account, and playbooks that are none: what the API server does not even store.

use serde_json::{Value, json};

use super::case::{Account, Author, By, Family, Table, made, named, step};

/// What is said of whoever names an account that they may not use.
const BORROWED: &str = "may not use the account pingzhan-playbooks/";

/// Everything of this kind.
pub fn fill(table: &mut Table<'_>) {
    table.family = Family::Lent;
    borrowed(table);
    nobody(table);
    not_stored(table);
}

fn harmless(table: &Table<'_>) -> Value {
    let targets = named("Deployment", &table.ground.space, &table.ground.free());
    step("scale", &json!({ "replicas": 9 }), &targets)
}

/// Whoever may write playbooks may not use every account.
fn borrowed(table: &mut Table<'_>) {
    let accounts = [
        Account::Wide,
        Account::Binder,
        Account::Plain,
        Account::Named("pingzhan"),
        Account::Named("default"),
        Account::Named("nobody"),
    ];
    for account in accounts {
        let step = harmless(table);
        let what = format!("a playbook of {account:?} by who may not use it");
        table
            .stop(what, step, By::Server, BORROWED)
            .account(account)
            .author(Author::Borrower);
    }
}

/// Names that mean the operator, or nobody: no account of another namespace is ever meant.
fn nobody(table: &mut Table<'_>) {
    for name in [
        "pingzhan-system/pingzhan",
        "system:serviceaccount:pingzhan-system:pingzhan",
        "../pingzhan",
        "Pingzhan",
    ] {
        let step = harmless(table);
        let what = format!("a playbook of the account {name}");
        table
            .stop(what, step, By::Lint, "PZ0605")
            .account(Account::Named(name));
    }
    let step = harmless(table);
    let said = "pingzhan-playbooks/pingzhan cannot read namespace";
    table
        .stop(
            "a playbook of the operator's namesake",
            step,
            By::Account,
            said,
        )
        .account(Account::Named("pingzhan"));
}

/// What the schema and its rules refuse.
fn not_stored(table: &mut Table<'_>) {
    let own = table.ground.space.clone();
    let step = harmless(table);
    let case = table.stop("no account", step, By::Server, "serviceAccountName");
    case.account(Account::Named(""));
    let mut both = harmless(table);
    both["run"] = json!({ "namespace": own, "job": { "template": {} }, "irreversible": true });
    table.stop(
        "two acts in one step",
        both,
        By::Server,
        "a step has exactly one of",
    );
    let long = format!("http://{}/{}", table.ground.open, "x".repeat(2048));
    let step = json!({ "name": "do", "call": { "url": long, "irreversible": true } });
    table.stop("an address without end", step, By::Server, "call.url");
    let step = json!({ "name": "do", "run": { "namespace": "k".repeat(64), "job": {}, "irreversible": true } });
    table.stop("a namespace without end", step, By::Server, "run.namespace");
    let notice = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "made", "namespace": own } });
    let mut many = made(&notice);
    many["apply"]["objects"] = json!(vec![notice; 33]);
    table.stop(
        "more objects than anybody reads",
        many,
        By::Server,
        "apply.objects",
    );
    let step = harmless(table);
    let case = table.stop(
        "less than nobody approves",
        step,
        By::Server,
        "a quorum is a number from 0 to 8",
    );
    case.book["authority"] = json!({ "quorum": { "I": 2, "II": 2, "III": 1, "IV": -1 } });
}
