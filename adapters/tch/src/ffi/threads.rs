//! Runs the engine on libtorch's OpenMP threads.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use unifocal_ndarray::Join;

type Run = unsafe extern "C" fn(*mut c_void);

unsafe extern "C" {
    fn unifocal_root(context: *mut c_void, run: Run);
    fn unifocal_fork(first: *mut c_void, second: *mut c_void, run: Run);
}

/// The threads of a [`root`].
#[derive(Debug)]
pub(crate) struct OpenMp;

/// Work, and its panic if it had one: a panic must not unwind through C++.
struct Call<'a> {
    run: &'a mut (dyn FnMut() + Send),
    panic: thread::Result<()>,
}

impl<'a> Call<'a> {
    fn new(run: &'a mut (dyn FnMut() + Send)) -> Self {
        let panic = Ok(());
        Self { run, panic }
    }

    fn context(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }

    fn finish(self) {
        if let Err(panic) = self.panic {
            resume_unwind(panic);
        }
    }
}

/// Runs a call.
///
/// # Safety
///
/// `call` is a [`Call`] that nothing else refers to.
unsafe extern "C" fn run(call: *mut c_void) {
    // SAFETY: guaranteed by the caller.
    let call = unsafe { &mut *call.cast::<Call<'_>>() };
    call.panic = catch_unwind(AssertUnwindSafe(&mut *call.run));
}

/// Runs work, on all of libtorch's threads if it `divides`.
pub(crate) fn root<R: Send>(divides: bool, work: impl FnOnce() -> R + Send) -> R {
    if !divides {
        return work();
    }
    let (mut work, mut result) = (Some(work), None);
    let mut run_once = || result = work.take().map(|work| work());
    let mut call = Call::new(&mut run_once);
    // SAFETY: the call runs once, on some thread, before this returns; it is `Send`.
    unsafe { unifocal_root(call.context(), run) };
    call.finish();
    result.expect("the work has run")
}

impl Join for OpenMp {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        let (mut a, mut b) = (Call::new(a), Call::new(b));
        // SAFETY: each call runs once, on some thread, before this returns; both are `Send`.
        unsafe { unifocal_fork(a.context(), b.context(), run) };
        a.finish();
        b.finish();
    }
}
