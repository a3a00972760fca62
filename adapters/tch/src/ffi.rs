//! Everything that is `unsafe`: calls from Rust to C++ and back, and tensors' memory as arrays.
//!
//! - [`attach`] hands a value and the state of its backward pass to libtorch's graph, whose backward calls back into Rust. Tensors cross as
//!   pointers: borrowed for the length of a call, or owned by the receiver. The graph owns the state, a box whose type only the callback
//!   knows. Exceptions and panics become messages, because neither may unwind through the other language.
//! - [`memory`] reads and writes the memory of dense CPU tensors as arrays. libtorch says where it is, its shape, strides and kind; nothing
//!   else may write to it meanwhile. Only a tensor that was allocated here is written to.
//! - [`threads`] runs closures on libtorch's threads. A closure crosses as an untyped pointer, and has run when the call returns.
//!
//! The functions that these modules export are safe. Each `unsafe` block names the guarantee that it relies on.

pub(crate) mod attach;
pub(crate) mod memory;
pub(crate) mod threads;
