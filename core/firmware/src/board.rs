//! Exit and stack measurement of programs on a board.

use core::panic::PanicInfo;

use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS, exit};

/// Ends the program through its debugger.
pub fn end(right: bool) -> ! {
    loop {
        exit(if right { EXIT_SUCCESS } else { EXIT_FAILURE });
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    end(false)
}

/// The number of bytes of stack ever used. The start-up code paints the whole stack; words that
/// changed were used.
pub fn deepest() -> usize {
    unsafe extern "C" {
        static _stack_start: u32;
    }
    let top = &raw const _stack_start;
    let mut word = cortex_m_rt::heap_start().cast_const();
    // SAFETY: reads whole words in the RAM between the variables and the top of the stack.
    unsafe {
        while word < top && word.read_volatile() == 0xcccc_cccc {
            word = word.add(1);
        }
    }
    top.addr() - word.addr()
}
