//! Custom gradients in libtorch's graph.
//!
//! tch offers no custom autograd functions. `attach.cpp` defines two: one whose backward calls back into Rust, and one that clamps f16 gradients.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use tch::{TchError, Tensor};
use torch_sys::C_tensor;

/// The state of a backward pass besides its tensors.
pub(crate) trait Backward: Send + Sync + 'static {
    /// The gradient with respect to the first saved tensor, times `upstream`, which has the value's shape.
    fn gradient(&self, saved: &[Tensor], upstream: &Tensor) -> Result<Tensor, crate::Error>;
}

type Gradient = unsafe extern "C" fn(
    state: *const c_void,
    saved: *const *mut C_tensor,
    count: usize,
    upstream: *mut C_tensor,
    message: *mut *mut c_char,
) -> *mut C_tensor;

unsafe extern "C" {
    fn unifocal_text(text: *const c_char, length: usize) -> *mut c_char;
    fn unifocal_drop_text(text: *mut c_char);
    fn unifocal_attach(
        value: *const C_tensor,
        saved: *const *const C_tensor,
        count: usize,
        state: *mut c_void,
        gradient: Gradient,
        drop: unsafe extern "C" fn(*mut c_void),
        message: *mut *mut c_char,
    ) -> *mut C_tensor;
    fn unifocal_widened(narrow: *const C_tensor, message: *mut *mut c_char) -> *mut C_tensor;
    fn unifocal_is_tracing() -> bool;
    fn unifocal_is_recording() -> bool;
}

/// Registers `value` in the graph as a function of the first `saved` tensor that can be differentiated once.
pub(crate) fn attach<B: Backward>(
    value: &Tensor,
    saved: &[&Tensor],
    backward: B,
) -> Result<Tensor, TchError> {
    let pointers: Vec<*const C_tensor> = saved.iter().map(|tensor| tensor.as_ptr()).collect();
    let state = Box::into_raw(Box::new(backward)).cast();
    let mut message = ptr::null_mut();
    // SAFETY: the pointers belong to live tensors, which are copied before the call returns; `state` is a boxed `B`, as `gradient::<B>` and
    // `drop_box::<B>` expect, and the graph owns it from here on.
    let attached = unsafe {
        unifocal_attach(
            value.as_ptr(),
            pointers.as_ptr(),
            pointers.len(),
            state,
            gradient::<B>,
            drop_box::<B>,
            &mut message,
        )
    };
    // SAFETY: both come from `unifocal_attach`.
    unsafe { made(attached, message) }
}

/// Casts f16 to f32 with a gradient that is clamped to the range of f16. It can be differentiated any number of times.
pub(crate) fn widened(narrow: &Tensor) -> Result<Tensor, TchError> {
    let mut message = ptr::null_mut();
    // SAFETY: the pointer belongs to a live tensor.
    let wide = unsafe { unifocal_widened(narrow.as_ptr(), &mut message) };
    // SAFETY: both come from `unifocal_widened`.
    unsafe { made(wide, message) }
}

/// Whether libtorch is tracing this thread's operations into a module (`CModule::create_by_tracing`).
pub(crate) fn is_tracing() -> bool {
    // SAFETY: it reads a thread's own variable.
    unsafe { unifocal_is_tracing() }
}

/// Whether libtorch records this thread's operations for autograd.
pub(crate) fn is_recording() -> bool {
    // SAFETY: it reads a thread's own variable.
    unsafe { unifocal_is_recording() }
}

/// Takes over a tensor that C++ has made, or returns its error.
///
/// # Safety
///
/// `tensor` is a new tensor or null. If it is null, `message` comes from `unifocal_text` or is null.
unsafe fn made(tensor: *mut C_tensor, message: *mut c_char) -> Result<Tensor, TchError> {
    if tensor.is_null() {
        return Err(TchError::Torch(taken(message)));
    }
    // SAFETY: the tensor is new, so nothing else owns it.
    Ok(unsafe { Tensor::from_ptr(tensor) })
}

/// Copies a text that C++ has made, and frees it.
fn taken(message: *mut c_char) -> String {
    if message.is_null() {
        return "out of memory".to_owned();
    }
    // SAFETY: `unifocal_text` terminates its texts with a 0, and nothing uses this one again.
    unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        unifocal_drop_text(message);
        text
    }
}

/// Calls [`Backward::gradient`] from the graph. A panic becomes a message, because it must not unwind through C++.
///
/// # Safety
///
/// `state` points to a `B`, `saved` to `count` tensors, `upstream` to one tensor, and `message` to writable memory for a pointer.
unsafe extern "C" fn gradient<B: Backward>(
    state: *const c_void,
    saved: *const *mut C_tensor,
    count: usize,
    upstream: *mut C_tensor,
    message: *mut *mut c_char,
) -> *mut C_tensor {
    let run = || {
        let _guard = tch::no_grad_guard();
        // SAFETY: guaranteed by the caller. The tensors are borrowed, not owned.
        let (backward, saved, upstream) = unsafe {
            let saved = std::slice::from_raw_parts(saved, count);
            let share = |tensor: &*mut C_tensor| Tensor::clone_from_ptr(*tensor);
            let saved: Vec<Tensor> = saved.iter().map(share).collect();
            (&*state.cast::<B>(), saved, share(&upstream))
        };
        backward.gradient(&saved, &upstream)
    };
    let text = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(mut gradient)) => {
            let pointer = gradient.as_mut_ptr();
            // C++ owns it from here on.
            std::mem::forget(gradient);
            return pointer;
        }
        Ok(Err(error)) => error.to_string(),
        Err(panic) => match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(text), _) => text.clone(),
            (_, Some(text)) => (*text).to_owned(),
            _ => "the gradient panicked".to_owned(),
        },
    };
    // SAFETY: pointer and length come from one `String`, and the caller provides memory for the pointer.
    unsafe { *message = unifocal_text(text.as_ptr().cast(), text.len()) };
    ptr::null_mut()
}

/// Drops the state of a graph.
///
/// # Safety
///
/// `state` is a boxed `B` that nothing uses again.
unsafe extern "C" fn drop_box<B>(state: *mut c_void) {
    // SAFETY: guaranteed by the caller.
    drop(unsafe { Box::from_raw(state.cast::<B>()) });
}
