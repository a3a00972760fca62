//! How a program on a board ends, and how deep its stack was.

use core::panic::PanicInfo;

use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS, exit};

/// Ends the program, by its debugger.
pub fn end(right: bool) -> ! {
    loop {
        exit(if right { EXIT_SUCCESS } else { EXIT_FAILURE });
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    end(false)
}

/// How many bytes of the stack were ever used: the start paints all of it, and what is still painted was not.
pub fn deepest() -> usize {
    unsafe extern "C" {
        static _stack_start: u32;
    }
    let top = &raw const _stack_start;
    let mut word = cortex_m_rt::heap_start().cast_const();
    // SAFETY: the RAM between the variables and the top of the stack, in whole words.
    unsafe {
        while word < top && word.read_volatile() == 0xcccc_cccc {
            word = word.add(1);
        }
    }
    top.addr() - word.addr()
}
