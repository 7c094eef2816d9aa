//! What may be wrong with how a server hears the rest of a request: mostly, something in it is not heard.

use serde_json::{Value, json};

use super::walk::{set, take, without_nulls};
use super::{Asked, Break, requests as row};

/// All of them.
pub const ALL: &[Break] = &[
    row(
        "versions-unheard",
        "a resourceVersion in a body guards nothing",
        |asked| member_unheard(asked, "/metadata/resourceVersion"),
    ),
    row("uids-unheard", "a uid in a body guards nothing", |asked| {
        member_unheard(asked, "/metadata/uid");
    }),
    row(
        "preconditions-unheard",
        "a removal has no preconditions",
        |asked| member_unheard(asked, "/preconditions"),
    ),
    row("finalizers-unheard", "nothing holds an object", |asked| {
        member_unheard(asked, "/metadata/finalizers");
    }),
    row(
        "owners-unheard",
        "managedFields cannot be edited",
        |asked| member_unheard(asked, "/metadata/managedFields"),
    ),
    row("immutable-unheard", "nothing is immutable", |asked| {
        member_unheard(asked, "/immutable");
    }),
    row(
        "labels-of-objects-unheard",
        "labels are not kept",
        |asked| member_unheard(asked, "/metadata/labels"),
    ),
    row(
        "tests-unheard",
        "a test in a JSON patch is not made",
        |asked| {
            operations(asked, |one| one["op"] != "test");
        },
    ),
    row(
        "values-cannot-be-tested",
        "a test of a value never holds",
        |asked| {
            if asked.is_patch() {
                asked.edit(|body| {
                    for one in body.as_array_mut().into_iter().flatten() {
                        let path = one["path"].as_str().unwrap_or_default();
                        if one["op"] == "test" && path.starts_with("/spec") {
                            one["value"] = "something else".into();
                        }
                    }
                });
            }
        },
    ),
    row(
        "copies-unheard",
        "a JSON patch copies and moves nothing",
        |asked| operations(asked, |one| one["op"] != "copy" && one["op"] != "move"),
    ),
    row(
        "indexes-unheard",
        "a JSON patch adds to lists at their end only",
        |asked| {
            if asked.is_patch() {
                asked.edit(|body| {
                    for one in body.as_array_mut().into_iter().flatten() {
                        let path = one["path"].as_str().unwrap_or_default();
                        let (list, index) = path.rsplit_once('/').unwrap_or_default();
                        if one["op"] == "add" && index.parse::<usize>().is_ok() {
                            one["path"] = format!("{list}/-").into();
                        }
                    }
                });
            }
        },
    ),
    row(
        "items-unheard",
        "a JSON patch cannot write below an item of a list",
        |asked| {
            operations(asked, |one| {
                !one["path"]
                    .as_str()
                    .is_some_and(|path| path.contains("/containers/"))
            });
        },
    ),
    row("nulls-unheard", "a null takes nothing away", |asked| {
        if asked.is_patch() {
            operations(asked, |one| {
                one.get("value").is_none_or(|value| !value.is_null())
            });
        } else {
            asked.edit(without_nulls);
        }
    }),
    row(
        "propagation-unheard",
        "nothing waits for its dependents",
        |asked| {
            if asked.parameter("propagationPolicy") != "Sideways" {
                asked.forget("propagationPolicy");
                member_unheard(asked, "/propagationPolicy");
            }
        },
    ),
    row(
        "impersonation-unheard",
        "everybody is who they are, whatever they say",
        |asked| {
            for name in ["impersonate-user", "impersonate-group", "impersonate-uid"] {
                asked.headers.remove(name);
            }
        },
    ),
    row("everybody-may", "everybody may do everything", |asked| {
        if !asked.header("impersonate-user").is_empty() {
            let masters = http::HeaderValue::from_static("system:masters");
            asked.headers.append("impersonate-group", masters);
        }
    }),
    row("groups-unheard", "nobody is in a group", |asked| {
        asked.headers.remove("impersonate-group");
    }),
    row("policies-only-audit", "a policy denies nothing", |asked| {
        asked.edit(|body| set(body, "/spec/validationActions", json!(["Audit"])));
    }),
    row(
        "kinds-unchecked",
        "a body of any kind is of the one that is meant",
        |asked| {
            let place = asked.place();
            let kinds = [
                ("configmaps", "v1", "ConfigMap"),
                ("widgets", "conformance.pingzhan.dev/v1", "Widget"),
            ];
            let kind = kinds.iter().find(|(plural, ..)| place.plural == *plural);
            if let Some((_, version, kind)) = kind.filter(|_| place.subresource.is_empty()) {
                asked.edit(|body| {
                    set(body, "/apiVersion", *version);
                    set(body, "/kind", *kind);
                });
            }
        },
    ),
    row(
        "names-unchecked",
        "a body may have another name or namespace than the address",
        |asked| {
            let is_review = asked.path.contains("authorization.k8s.io");
            if !is_review && asked.method != "POST" {
                member_unheard(asked, "/metadata/name");
            }
            member_unheard(asked, "/metadata/namespace");
        },
    ),
    row(
        "words-of-metadata-unchecked",
        "names, labels and annotations may be anything: here, they become what they may be",
        |asked| {
            asked.edit(|body| {
                for place in ["/metadata/labels", "/metadata/annotations"] {
                    let members = body.pointer_mut(place).and_then(Value::as_object_mut);
                    if let Some(members) = members {
                        members.retain(|name, value| {
                            !name.contains(' ')
                                && !name.starts_with('/')
                                && !value.as_str().is_some_and(|text| text.contains(' '))
                        });
                    }
                }
                if let Some(name) = body["metadata"]["name"].as_str() {
                    body["metadata"]["name"] = name.to_lowercase().replace(' ', "-").into();
                }
            });
        },
    ),
    row(
        "media-unchecked",
        "a body may be of any media type",
        |asked| {
            let patches = asked.method == "PATCH" && asked.media() == "application/json";
            if asked.media() == "text/plain" {
                asked.set_header("content-type", "application/json");
            } else if patches {
                asked.set_header("content-type", "application/merge-patch+json");
            }
        },
    ),
    row(
        "bodies-unchecked",
        "a body that is no JSON is an empty one",
        |asked| {
            let is_text =
                !asked.body.is_empty() && serde_json::from_slice::<Value>(&asked.body).is_err();
            if is_text {
                let empty = if asked.is_patch() { "[]" } else { "{}" };
                asked.body = empty.as_bytes().to_vec();
            }
        },
    ),
    row(
        "strategic-is-merge",
        "a strategic merge patch is a merge patch",
        |asked| {
            if asked.media() == "application/strategic-merge-patch+json" {
                asked.set_header("content-type", "application/merge-patch+json");
            }
        },
    ),
    row(
        "directives-unheard",
        "a strategic merge patch has no directives",
        |asked| {
            asked.edit(|body| {
                super::walk::objects(body, &mut |members| {
                    members.retain(|name, _| !name.starts_with('$'));
                });
            });
        },
    ),
    row(
        "metadata-is-whole",
        "metadata alone is not to be had",
        |asked| accept_unheard(asked, "as=PartialObjectMetadata"),
    ),
    row(
        "all-kinds-at-once-unheard",
        "what is served is not to be had in one answer",
        |asked| accept_unheard(asked, "as=APIGroupDiscoveryList"),
    ),
    row("tables-are-whole", "tables are not to be had", |asked| {
        accept_unheard(asked, "as=Table");
    }),
    row("accept-unheard", "every answer is JSON", |asked| {
        accept_unheard(asked, "text/html");
    }),
    row(
        "scale-is-the-object",
        "/scale is the object itself",
        |asked| {
            without_end(asked, "/scale");
        },
    ),
    row(
        "status-is-the-object",
        "/status is the object itself",
        |asked| {
            without_end(asked, "/status");
        },
    ),
    row("removals-only-look", "a removal removes nothing", |asked| {
        if asked.method == "DELETE" {
            "GET".clone_into(&mut asked.method);
            asked.body.clear();
        }
    }),
];

/// A member of a body is not there, nor what a JSON patch does to it, nor what a merge patch does.
fn member_unheard(asked: &mut Asked, pointer: &'static str) {
    operations(asked, |one| {
        let path = one["path"].as_str().unwrap_or_default();
        one["op"] == "test" || !path.starts_with(pointer)
    });
    asked.edit(|body| {
        take(body, pointer);
    });
}

/// Only these operations of a JSON patch are carried out.
fn operations(asked: &mut Asked, is_heard: impl Fn(&Value) -> bool) {
    if asked.is_patch() {
        asked.edit(|body| {
            if let Some(all) = body.as_array_mut() {
                all.retain(is_heard);
            }
        });
    }
}

fn accept_unheard(asked: &mut Asked, word: &str) {
    if asked.header("accept").contains(word) {
        asked.set_header("accept", "application/json");
    }
}

fn without_end(asked: &mut Asked, end: &str) {
    if let Some(path) = asked.path.strip_suffix(end) {
        asked.path = path.to_owned();
    }
}
