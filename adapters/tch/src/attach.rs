//! Gradients of our own in libtorch's graph: the other half of this crate's `unsafe`.
//!
//! tch has no custom autograd function, so `attach.cpp` has one whose backward calls back here, and one that needs no more than itself.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use tch::{TchError, Tensor};
use torch_sys::C_tensor;

/// What a backward pass needs besides tensors.
pub(crate) trait Backward: Send + Sync + 'static {
    /// The gradient with respect to the first of the saved tensors, times `upstream`, of the shape of the value.
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

/// `value` as a function of the first of the `saved` tensors, differentiable once.
pub(crate) fn attach<B: Backward>(
    value: &Tensor,
    saved: &[&Tensor],
    backward: B,
) -> Result<Tensor, TchError> {
    let pointers: Vec<*const C_tensor> = saved.iter().map(|tensor| tensor.as_ptr()).collect();
    let state = Box::into_raw(Box::new(backward)).cast();
    let mut message = ptr::null_mut();
    // SAFETY: the pointers are those of living tensors, which are copied before the call returns; `state` is what `gradient::<B>` and
    // `drop_box::<B>` expect, and is the graph's from here on.
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
    // SAFETY: what `unifocal_attach` returned.
    unsafe { made(attached, message) }
}

/// f16 in f32, as a function whose gradient is at most the largest f16. It can be differentiated any number of times.
pub(crate) fn widened(narrow: &Tensor) -> Result<Tensor, TchError> {
    let mut message = ptr::null_mut();
    // SAFETY: the pointer is that of a living tensor.
    let wide = unsafe { unifocal_widened(narrow.as_ptr(), &mut message) };
    // SAFETY: what `unifocal_widened` returned.
    unsafe { made(wide, message) }
}

/// Whether libtorch records the operations of this thread to make a module of them (`CModule::create_by_tracing`).
pub(crate) fn is_tracing() -> bool {
    // SAFETY: it reads a thread's own variable.
    unsafe { unifocal_is_tracing() }
}

/// Whether libtorch records the operations of this thread to differentiate them.
pub(crate) fn is_recording() -> bool {
    // SAFETY: it reads a thread's own variable.
    unsafe { unifocal_is_recording() }
}

/// What C++ has made, or why it has not.
///
/// # Safety
///
/// `tensor` is a new tensor, or null, and then `message` is a text of `unifocal_text`'s, or null.
unsafe fn made(tensor: *mut C_tensor, message: *mut c_char) -> Result<Tensor, TchError> {
    if tensor.is_null() {
        return Err(TchError::Torch(taken(message)));
    }
    // SAFETY: a new tensor, ours alone.
    Ok(unsafe { Tensor::from_ptr(tensor) })
}

/// The text that C++ made, which is freed.
fn taken(message: *mut c_char) -> String {
    if message.is_null() {
        return "out of memory".to_owned();
    }
    // SAFETY: `unifocal_text` ends its texts with a 0, and this one is not used again.
    unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        unifocal_drop_text(message);
        text
    }
}

/// Calls [`Backward::gradient`] from the graph; a panic becomes a message, since it may not pass through C++.
///
/// # Safety
///
/// `state` is a `B`, `saved` are `count` tensors, `upstream` is one, and `message` is room for a pointer.
unsafe extern "C" fn gradient<B: Backward>(
    state: *const c_void,
    saved: *const *mut C_tensor,
    count: usize,
    upstream: *mut C_tensor,
    message: *mut *mut c_char,
) -> *mut C_tensor {
    let run = || {
        let _guard = tch::no_grad_guard();
        // SAFETY: what the caller promises. The tensors are shared, not taken.
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
            // C++ takes it.
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
    // SAFETY: the text is as long as it says, and the caller has room for the pointer.
    unsafe { *message = unifocal_text(text.as_ptr().cast(), text.len()) };
    ptr::null_mut()
}

/// Drops the state of a graph.
///
/// # Safety
///
/// `state` is a boxed `B`, and is not used again.
unsafe extern "C" fn drop_box<B>(state: *mut c_void) {
    // SAFETY: what the caller promises.
    drop(unsafe { Box::from_raw(state.cast::<B>()) });
}
