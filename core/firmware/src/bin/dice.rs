//! Only the Dice loss of an 8-bit prediction: measures its size.

#![no_std]
#![cfg_attr(target_arch = "arm", no_main)]

#[cfg(target_arch = "arm")]
#[cortex_m_rt::entry]
fn main() -> ! {
    let dice = firmware::scores::dice();
    firmware::board::end(dice.is_ok_and(|dice| dice.to_bits() == firmware::EXPECTED[0]));
}

#[cfg(not(target_arch = "arm"))]
fn main() {}
