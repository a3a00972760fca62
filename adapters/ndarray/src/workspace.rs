//! One workspace per thread, reused for one half of an array after the other.

use std::any::Any;
use std::cell::RefCell;

use unifocal_core::{engine::Workspace, formula::Float};

thread_local! {
    /// Idle workspaces: at most one per precision.
    static IDLE: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with this thread's workspace.
pub(crate) fn with<T: Float, R>(work: impl FnOnce(&mut Workspace<T>) -> R) -> R {
    let idle = IDLE.with_borrow_mut(|idle| {
        let index = idle.iter().position(|any| any.is::<Workspace<T>>())?;
        idle.swap_remove(index).downcast().ok()
    });
    let mut workspace = idle.unwrap_or_else(|| Box::new(Workspace::<T>::new()));
    let result = work(&mut workspace);
    IDLE.with_borrow_mut(|idle| idle.push(workspace));
    result
}
