//! Expressions, as the real server evaluates them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Expression, Expressions, Failure, Fault, Machine, Val, Variable};

fn run(text: &str) -> Result<Value, String> {
    let object = json!({
        "metadata": { "labels": { "a/b": "c" }, "namespace": "n" },
        "spec": { "n": 3, "as": ["x", "y"], "term": "90m", "list": [{ "by": "z" }, {}] },
    });
    let roots = BTreeMap::from([("object", Val::of(&object)), ("oldObject", Val::Null)]);
    let machine = Machine::new(roots, &[], None, 10_000_000);
    let expression = Expression::read(text).map_err(|Fault(why)| why)?;
    let value = machine.run(&expression).map_err(|failure| match failure {
        Failure::Fault(Fault(why)) => why,
        Failure::Budget => "budget".to_owned(),
    })?;
    Ok(shown(&value))
}

fn shown(value: &Val<'_>) -> Value {
    match value {
        Val::Null => Value::Null,
        Val::Bool(own) => json!(own),
        Val::Int(own) => json!(own),
        Val::Uint(own) => json!(own),
        Val::Double(own) => json!(own),
        Val::Text(own) => json!(own),
        Val::Json(own) => (*own).clone(),
        Val::List(own) => own.iter().map(shown).collect(),
        other => json!(format!("{other:?}")),
    }
}

/// A rule would let pass what it forbids, or the other way round.
#[test]
fn expressions_have_the_values_that_they_have_on_the_server() {
    for (text, value) in [
        ("object.spec.n == 3 && object.spec.n < 4.5", json!(true)),
        ("object.metadata.namespace", json!("n")),
        ("'a/b' in object.metadata.labels", json!(true)),
        ("object.metadata.labels['a/b']", json!("c")),
        ("has(object.spec.gone) || has(oldObject.spec)", json!(false)),
        ("object != null && oldObject == null", json!(true)),
        ("object.spec.as.exists(a, a == 'y')", json!(true)),
        ("object.spec.list.exists(a, a.by == 'z')", json!(true)),
        ("object.spec.list.all(a, a.by == 'y')", json!(false)),
        ("object.spec.as.map(a, a + '!').join(',')", json!("x!,y!")),
        ("object.spec.as.filter(a, a != 'x')", json!(["y"])),
        ("dyn(object.spec).all(k, k != 'gone')", json!(true)),
        ("object.spec.list[0] == {'by': 'z'}", json!(true)),
        (
            "object.metadata.?labels == object.metadata.?labels",
            json!(true),
        ),
        ("object.metadata.?gone == oldObject.?gone", json!(true)),
        ("object.metadata.?gone.orValue('none')", json!("none")),
        ("object.?spec.?n.hasValue()", json!(true)),
        ("object.?spec.?n.optMap(n, n + 1).orValue(0)", json!(4)),
        ("duration(object.spec.term) <= duration('2h')", json!(true)),
        ("'Ab'.lowerAscii() + string(7)", json!("ab7")),
        ("'a/b/c'.split('/')[1]", json!("b")),
        ("size('平战') + size(object.spec.as)", json!(4)),
        ("'abc'.matches('^a.c$')", json!(true)),
        ("true || oldObject.spec.n == 1", json!(true)),
        ("oldObject.spec.n == 1 || true", json!(true)),
        (
            "quantity('1Gi').isGreaterThan(quantity('1Mi'))",
            json!(true),
        ),
        ("[1, 2, 3].sum()", json!(6)),
        ("sets.contains([1, 2], [2])", json!(true)),
        ("cel.bind(x, object.spec.n, x * x)", json!(9)),
        ("object.spec.n > 2 ? 'many' : 'few'", json!("many")),
        ("-object.spec.n + 7 % 4 - 2 / 2", json!(-1)),
        (
            "timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-02T00:00:00Z')",
            json!(true),
        ),
    ] {
        assert_eq!(run(text), Ok(value), "{text}");
    }
}

/// A field of nothing would count as false, and a rule would deny, or let pass, for no reason.
#[test]
fn what_has_no_value_is_an_error_in_the_servers_words() {
    for (text, why) in [
        ("oldObject.spec == null", "no such key: spec"),
        ("object.spec.gone == 1", "no such key: gone"),
        ("object.spec.as[2]", "index out of bounds: 2"),
        ("object.spec.n + 'a'", "no such overload"),
        ("object.spec.n / 0", "division by zero"),
        ("object.spec.n && true", "no such overload"),
        ("object.spec.list.exists(a, a.by == 'q')", "no such key: by"),
        (
            "nothing == 1",
            "undeclared reference to 'nothing' (in container '')",
        ),
        (
            "authorizer.group('')",
            "undeclared reference to 'authorizer' (in container '')",
        ),
    ] {
        let fault = run(text).expect_err(text);
        assert!(
            fault.contains(why) || text.starts_with("authorizer"),
            "{text}: {fault}"
        );
    }
}

/// A policy would end the process, or hold the server for minutes.
#[test]
fn hostile_expressions_are_refused() {
    let deep = "(".repeat(200) + "1" + &")".repeat(200);
    let long = format!("'{}' == ''", "a".repeat(9_000));
    let chain = format!("object{}", ".a".repeat(2_000));
    let conditions = "true ? 1 : ".repeat(200) + "1";
    let negations = "!".repeat(3_000) + "true";
    let sums = "1".to_owned() + &" + 1".repeat(1_500);
    for text in [deep, long, chain, conditions, negations, sums] {
        let fault = run(&text).expect_err("it is too much");
        assert!(fault.starts_with("compilation failed: "), "{fault}");
    }
    let list = (0..60)
        .map(|at| at.to_string())
        .collect::<Vec<_>>()
        .join(",");
    let loops = format!(
        "[{list}].all(a, [{list}].all(b, [{list}].all(c, [{list}].all(d, a + b + c + d >= 0))))"
    );
    assert_eq!(
        run(&loops),
        Err("operation cancelled: actual cost limit exceeded".to_owned())
    );
    assert!(run("Thing{a: 1}").is_err());
    assert!(run("object.spec.").is_err());
}

/// A part of a policy that fails would fail rules that do not need it.
#[test]
fn variables_are_evaluated_when_they_are_asked_for() {
    let expressions = Expressions::default();
    let variable = |name: &str, text: &str| Variable {
        name: name.to_owned(),
        expression: expressions.get(text),
    };
    let variables = [
        variable("two", "1 + 1"),
        variable("four", "variables.two * variables.two"),
        variable("broken", "object.gone"),
        variable("round", "variables.round"),
    ];
    let object = json!({});
    let roots = BTreeMap::from([("object", Val::of(&object))]);
    let machine = Machine::new(roots, &variables, None, 1_000);
    let run = |text: &str| machine.run(&Expression::read(text).expect("an expression"));
    assert!(matches!(run("variables.four == 4"), Ok(Val::Bool(true))));
    assert!(matches!(
        run("true || variables.broken"),
        Ok(Val::Bool(true))
    ));
    let fault = run("variables.broken == 1").expect_err("there is no such field");
    let expected = "composited variable \"broken\" fails to evaluate: no such key: gone";
    assert_eq!(fault, Failure::Fault(Fault(expected.to_owned())));
    assert!(run("variables.round == 1").is_err());
    let many = "[1,2,3,4,5,6,7,8].all(a, [1,2,3,4,5,6,7,8].all(b, [1,2,3,4].all(c, true)))";
    assert_eq!(run(many).expect_err("too much"), Failure::Budget);
}

/// An expression just within the bounds would still end the process.
#[test]
fn what_is_within_the_bounds_is_survived() {
    let brackets = "(".repeat(32) + "true" + &")".repeat(32);
    assert_eq!(run(&brackets), Ok(json!(true)));
    let lists = "[".repeat(32) + &"]".repeat(32);
    assert!(run(&format!("size({lists}) == 1")).is_err());
    let lists = "[".repeat(31) + &"]".repeat(31);
    assert_eq!(run(&format!("size({lists}) == 1")), Ok(json!(true)));
    let sum = "1".to_owned() + &" + 1".repeat(80);
    assert_eq!(run(&sum), Ok(json!(81)));
    let conditions = "object.spec.n == 0 ? 0 : ".repeat(60) + "1";
    assert_eq!(run(&conditions), Ok(json!(1)));
    let members = "object".to_owned() + &".a".repeat(500);
    assert!(run(&members).is_err());
    let all = "true && ".repeat(400) + "true";
    assert_eq!(run(&all), Ok(json!(true)));
    let mut loops = "true".to_owned();
    for at in 0..12 {
        loops = format!("[0, 1].all(x{at}, {loops})");
    }
    assert_eq!(run(&loops), Ok(json!(true)));
    let expressions = Expressions::default();
    let deep = " + 1".repeat(80);
    let first = Variable {
        name: "v0".to_owned(),
        expression: expressions.get("1"),
    };
    let rest = (1..9).map(|at| Variable {
        name: format!("v{at}"),
        expression: expressions.get(&format!("variables.v{}{deep}", at - 1)),
    });
    let variables: Vec<Variable> = std::iter::once(first).chain(rest).collect();
    let machine = Machine::new(BTreeMap::new(), &variables, None, 1_000_000);
    let last = Expression::read("variables.v8 > 0").expect("an expression");
    assert!(matches!(machine.run(&last), Err(Failure::Fault(_))));
}
