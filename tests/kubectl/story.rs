//! The story of `story.yaml`, line by line, on both servers.

use serde::Deserialize;

use super::line::{Said, Shell, steady};
use super::sandtable::Sandtable;
use crate::support;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chapter {
    chapter: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    run: String,
    #[serde(default)]
    input: String,
    #[serde(default)]
    ends: i32,
    says: String,
}

/// Plays everything with one server.
fn play(shell: &Shell, story: &[Chapter]) -> Vec<Said> {
    let steps = story.iter().flat_map(|chapter| &chapter.steps);
    steps
        .map(|step| shell.types(&step.run, &step.input))
        .collect()
}

/// Whoever rehearses with kubectl must see what they will see in the emergency.
#[tokio::test]
async fn kubectl_says_the_same_of_both_servers() {
    let plane = support::cluster().await;
    let namespace = plane.namespace("kubectl");
    let story = include_str!("story.yaml").replace("NS", &namespace);
    let story: Vec<Chapter> = serde_yaml::from_str(&story).expect("a story");
    let sandtable = Sandtable::with(&[]);
    let (real, own) = std::thread::scope(|scope| {
        let real = scope.spawn(|| play(&Shell::of(&plane.kubeconfig), &story));
        let own = play(&Shell::of(&sandtable.kubeconfig), &story);
        (real.join().expect("it was played"), own)
    });
    let mut broken = Vec::new();
    let steps = story.iter().flat_map(|chapter| {
        chapter
            .steps
            .iter()
            .map(move |step| (&chapter.chapter, step))
    });
    let count = real.len();
    for ((chapter, step), (real, own)) in steps.zip(real.into_iter().zip(own)) {
        let line = format!("{chapter}: kubectl {}", step.run);
        if real.code != step.ends || !real.text.contains(&step.says) {
            let (code, says) = (step.ends, &step.says);
            broken.push(format!(
                "{line}\n  should end with {code} and say {says:?}; the real server: {} {}",
                real.code, real.text
            ));
        }
        let [theirs, ours] = [&real, &own].map(|said| steady(&said.text));
        if real.code != own.code || theirs != ours {
            let differ = similar::TextDiff::from_lines(&theirs, &ours);
            let differ = differ
                .unified_diff()
                .header("real", "sand table")
                .to_string();
            broken.push(format!(
                "{line}\n  real {}, sand table {}\n{differ}",
                real.code, own.code
            ));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(count >= 140, "{count} lines are no story");
    println!("{count} lines of kubectl said the same of both servers");
}
