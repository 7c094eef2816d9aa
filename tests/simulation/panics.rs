//! Panics of this thread: an operator confines its own, so that nobody would hear of them.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Listens from now on, on this thread.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let heard = HEARD.with(|heard| {
                let mut heard = heard.borrow_mut();
                heard.as_mut().map(|heard| heard.push(panic.to_string()))
            });
            if heard.is_none() {
                usual(panic);
            }
        }));
    });
    HEARD.with(|heard| *heard.borrow_mut() = Some(Vec::new()));
}

/// What was heard since; listens no more.
pub fn taken() -> Vec<String> {
    HEARD
        .with(|heard| heard.borrow_mut().take())
        .unwrap_or_default()
}
