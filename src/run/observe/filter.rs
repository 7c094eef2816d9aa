//! `where`: judged beside the reactor, on a thread of its own, since an expression over a fleet is
//! work and its evaluation recurses.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::playbook::conditions::Where;

/// The stack of the thread: an expression of the deepest kind that is accepted takes a fraction of
/// it, in a build without optimisation too.
const STACK: usize = 16 * 1024 * 1024;
/// How long the end is waited for where everybody else waits, too: what is judged by then, as it is of
/// all but huge fleets, is not waited for in turns that are never the same twice.
const AT_ONCE: Duration = Duration::from_millis(50);
/// The largest object that is judged, in values: the largest workloads have some thousands.
const LARGEST: usize = 100_000;

/// Judges the objects of one list.
pub(super) struct Filter {
    objects: Sender<(usize, String, Value)>,
    thread: JoinHandle<Verdicts>,
    /// Ends with the thread; nothing ever comes.
    ended: Receiver<()>,
    asked: usize,
}

/// What came of judging.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdicts {
    /// The numbers of the objects that satisfy the condition.
    pub(super) selected: BTreeSet<usize>,
    /// Of how many objects it cannot be judged, and the first of them with why.
    pub(super) problems: Option<(usize, String)>,
}

impl Filter {
    /// Begins to judge.
    ///
    /// # Errors
    /// What is wrong with the condition, or why there is no thread, a sentence.
    pub(super) fn begin(condition: &Where) -> Result<Self, String> {
        condition
            .read()
            .map_err(|why| format!("the condition {why}"))?;
        let (objects, asked) = channel();
        let condition = condition.clone();
        let (lives, ended) = channel();
        let thread = thread::Builder::new()
            .name("where".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                let verdicts = judge(&condition, &asked);
                drop(lives);
                verdicts
            })
            .map_err(|error| format!("`where` cannot be judged: {error}"))?;
        Ok(Self {
            objects,
            thread,
            ended,
            asked: 0,
        })
    }

    /// Hands an object over, and says which number it has. `name` is for people.
    pub(super) fn ask(&mut self, name: String, object: Value) -> usize {
        let number = self.asked;
        self.asked += 1;
        // A thread that is gone is told of at the end.
        let _ = self.objects.send((number, name, object));
        number
    }

    /// What came of it, when all objects are judged.
    ///
    /// # Errors
    /// The thread failed, a sentence.
    pub(super) async fn end(self) -> Result<Verdicts, String> {
        let Self {
            objects,
            thread,
            ended,
            ..
        } = self;
        drop(objects);
        let verdicts = match ended.recv_timeout(AT_ONCE) {
            Err(RecvTimeoutError::Timeout) => {
                // A blocking task keeps paused time from running on while it is waited for.
                let joined = tokio::task::spawn_blocking(move || thread.join()).await;
                joined.unwrap_or_else(|error| Err(Box::new(error)))
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => thread.join(),
        };
        verdicts.map_err(|_| "`where` could not be judged: see the operator's log".into())
    }
}

fn judge(condition: &Where, asked: &Receiver<(usize, String, Value)>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let Ok(ready) = condition.read() else {
        return verdicts;
    };
    while let Ok((number, name, object)) = asked.recv() {
        let judged = if size(&object) > LARGEST {
            Err(format!("it has more than {LARGEST} values"))
        } else {
            condition.holds(&ready, &object)
        };
        match judged {
            Ok(true) => {
                verdicts.selected.insert(number);
            }
            Ok(false) => {}
            Err(why) => {
                let first = format!("it cannot be judged whether {name} satisfies {why}");
                let (count, _) = verdicts.problems.get_or_insert((0, first));
                *count += 1;
            }
        }
    }
    verdicts
}

/// How many values an object is made of.
fn size(object: &Value) -> usize {
    let mut open = vec![object];
    let mut count = 0;
    while let Some(value) = open.pop() {
        count += 1;
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(text: &str) -> Where {
        Where {
            texts: vec![text.to_owned()],
            parameters: json!({ "least": 2 }),
        }
    }

    /// An object of which it cannot be judged must neither be selected nor be passed over in silence.
    #[tokio::test]
    async fn what_satisfies_is_selected_and_what_cannot_be_judged_is_said() {
        let mut filter = Filter::begin(&condition("object.n >= parameters.least")).unwrap();
        for (place, object) in [json!({"n": 1}), json!({"n": 2}), json!({}), json!({})]
            .into_iter()
            .enumerate()
        {
            assert_eq!(filter.ask(format!("Pool a/{place}"), object), place);
        }
        let verdicts = filter.end().await.unwrap();
        assert_eq!(verdicts.selected, BTreeSet::from([1]));
        let (count, first) = verdicts.problems.unwrap();
        assert_eq!(count, 2);
        assert_eq!(
            first,
            "it cannot be judged whether Pool a/2 satisfies `object.n >= parameters.least`: no such key: n"
        );
    }

    /// The deepest expression that is accepted must not end the process.
    #[tokio::test]
    async fn a_deep_expression_fits_on_the_stack() {
        let text = format!("{}object.n == 1{}", "(".repeat(31), ")".repeat(31));
        let mut filter = Filter::begin(&condition(&text)).unwrap();
        filter.ask("Pool a/b".into(), json!({"n": 1}));
        assert_eq!(filter.end().await.unwrap().selected.len(), 1);
    }

    /// Somebody's object of a hundred megabytes must not hold up the plan of a city.
    #[tokio::test]
    async fn an_object_that_is_too_large_is_said() {
        let mut filter = Filter::begin(&condition("object.items.all(i, i == 0)")).unwrap();
        let items = vec![0; LARGEST];
        filter.ask("Pool a/b".into(), json!({ "items": items }));
        let verdicts = filter.end().await.unwrap();
        assert!(verdicts.problems.unwrap().1.contains("more than"));
    }
}
