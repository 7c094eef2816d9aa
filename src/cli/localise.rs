//! The command with its help texts from the catalogue, in one language.

use std::ffi::OsString;

use clap::{Command, CommandFactory};

use crate::i18n::{self, Lang};

use super::args::{Cli, Global};
use super::context::Context;

/// The language that arguments ask for, before they are parsed: help is printed while parsing.
pub fn wanted(arguments: &[OsString]) -> Lang {
    let texts: Vec<&str> = arguments
        .iter()
        .filter_map(|argument| argument.to_str())
        .collect();
    let given = texts
        .iter()
        .enumerate()
        .find_map(|(at, text)| match text.strip_prefix("--lang") {
            Some("") => texts.get(at + 1).copied(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        });
    let lang = given.and_then(|lang| lang.parse().ok());
    Context::new(Global {
        lang,
        ..Global::default()
    })
    .lang
}

/// The command, as people call it, with help texts in a language. Texts that the catalogue does
/// not have stay those of the code.
pub fn command(called: &'static str, lang: Lang) -> Command {
    let mut command = describe(Cli::command(), lang, "pingzhan");
    if called != "pingzhan" {
        command = command.bin_name(called).display_name(called);
    }
    inside(command, lang, "")
}

/// Describes the verbs of a command, and theirs: `serve` of `sandtable` is `sandtable-serve`.
fn inside(command: Command, lang: Lang, of: &str) -> Command {
    let verbs: Vec<String> = command
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    verbs.into_iter().fold(command, |command, verb| {
        let key = format!("{of}{verb}");
        command.mut_subcommand(&verb, |found| {
            inside(describe(found, lang, &key), lang, &format!("{key}-"))
        })
    })
}

fn describe(command: Command, lang: Lang, verb: &str) -> Command {
    let command = match i18n::find(lang, &format!("about-{verb}"), &[]) {
        Some(about) => command.about(about),
        None => command,
    };
    if lang == Lang::En {
        return command;
    }
    let ids: Vec<String> = command
        .get_arguments()
        .map(|argument| argument.get_id().to_string())
        .collect();
    ids.into_iter().fold(command, |command, id| {
        let own = i18n::find(lang, &format!("arg-{verb}-{}", id.replace('_', "-")), &[]);
        let common = || i18n::find(lang, &format!("arg-{}", id.replace('_', "-")), &[]);
        match own.or_else(common) {
            Some(help) => command.mut_arg(id, |argument| argument.help(help)),
            None => command,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every verb with its key, verbs of verbs too.
    fn verbs(command: &Command) -> Vec<(String, Command)> {
        let mut all = Vec::new();
        for verb in command.get_subcommands() {
            let key = verb.get_name().to_owned();
            all.push((key.clone(), verb.clone()));
            let inside = verbs(verb).into_iter();
            all.extend(inside.map(|(name, verb)| (format!("{key}-{name}"), verb)));
        }
        all
    }

    /// A verb without a description is a verb that nobody finds.
    #[test]
    fn every_verb_is_described_in_both_languages() {
        for (verb, _) in verbs(&Cli::command()) {
            let key = format!("about-{verb}");
            let english = i18n::find(Lang::En, &key, &[]).unwrap_or_else(|| panic!("no {key}"));
            assert_ne!(
                i18n::find(Lang::ZhCn, &key, &[]),
                Some(english),
                "{key} in Chinese"
            );
        }
    }

    /// A Chinese help text whose argument was renamed would silently be English.
    #[test]
    fn every_help_text_of_an_argument_names_one() {
        let root = command("pingzhan", Lang::En);
        let mut known = std::collections::BTreeSet::from(["arg-help".to_owned()]);
        let own = (root.get_name().to_owned(), root.clone());
        for (verb, command) in std::iter::once(own).chain(verbs(&root)) {
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str().replace('_', "-");
                known.insert(format!("arg-{id}"));
                known.insert(format!("arg-{verb}-{id}"));
            }
        }
        let catalogue = include_str!("../../locales/zh-CN/cli.ftl");
        let keys = catalogue
            .lines()
            .filter_map(|line| line.split_once(" =").map(|(key, _)| key));
        for key in keys.filter(|key| key.starts_with("arg-")) {
            assert!(known.contains(key), "{key} names no argument");
        }
    }

    /// A flag without a Chinese text shows its English one among the others.
    #[test]
    fn every_argument_is_described_in_chinese() {
        let chinese = command("pingzhan", Lang::ZhCn);
        let english = command("pingzhan", Lang::En);
        let chinese = verbs(&chinese);
        for (key, verb) in verbs(&english) {
            let translated = chinese.iter().find(|(other, _)| *other == key);
            let (_, translated) = translated.expect("the same verbs in every language");
            let help = |argument: &clap::Arg| argument.get_help().map(ToString::to_string);
            for argument in verb.get_arguments() {
                let same = translated
                    .get_arguments()
                    .find(|found| found.get_id() == argument.get_id());
                let id = argument.get_id();
                assert_ne!(same.and_then(help), help(argument), "{key} {id}");
            }
        }
    }

    /// Help is what newcomers read first.
    #[test]
    fn help_reads_well() {
        let mut page = String::new();
        for lang in [Lang::En, Lang::ZhCn] {
            let mut command = command("pingzhan", lang).term_width(80);
            page += &command.render_help().to_string();
        }
        insta::assert_snapshot!("help", page);
    }

    /// The flags of every verb, as people see them.
    #[test]
    fn help_of_each_verb_reads_well() {
        let mut command = command("kubectl pingzhan", Lang::En).term_width(80);
        command.build();
        let mut page = String::new();
        for (_, mut verb) in verbs(&command) {
            let help = verb.render_help().to_string();
            // The global flags are in the first snapshot.
            page += help.split("Global options:").next().unwrap_or_default();
        }
        insta::assert_snapshot!("help_verbs", page);
    }

    /// clap's own checks: two flags of one letter, a default that does not parse.
    #[test]
    fn the_command_is_consistent() {
        Cli::command().debug_assert();
        let asked = |text: &str| wanted(&text.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(asked("pingzhan --lang zh-CN --help"), Lang::ZhCn);
        assert_eq!(asked("pingzhan status --lang=zh-CN"), Lang::ZhCn);
        assert_eq!(asked("pingzhan --lang en"), Lang::En);
    }
}
