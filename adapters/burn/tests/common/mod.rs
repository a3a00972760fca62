//! The devices that this machine has, of those that the features allow.

use unifocal_burn::burn::tensor::{DType, Device};

/// Each with the numbers to test it with.
#[allow(dead_code, reason = "not all tests look at all devices")]
pub(crate) fn devices() -> Vec<(Device, DType)> {
    [cpus(), gpus()].concat()
}

/// Burn's backend on the CPU.
pub(crate) fn cpus() -> Vec<(Device, DType)> {
    vec![
        #[cfg(feature = "flex")]
        (Device::flex(), DType::F64),
        #[cfg(feature = "flex")]
        (Device::flex(), DType::F32),
    ]
}

/// What the losses are CubeCL kernels on.
pub(crate) fn gpus() -> Vec<(Device, DType)> {
    #[cfg(feature = "wgpu")]
    let devices = wgpu().map(|device| (device, DType::F32));
    #[cfg(not(feature = "wgpu"))]
    let devices = None;
    devices.into_iter().collect()
}

/// The first GPU, or what passes for one, if there is one.
#[cfg(feature = "wgpu")]
fn wgpu() -> Option<Device> {
    use std::sync::OnceLock;
    use unifocal_burn::burn::tensor::{DeviceKind, Tensor};

    static FOUND: OnceLock<Option<Device>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let found = std::panic::catch_unwind(|| {
                let device = Device::wgpu(DeviceKind::DefaultDevice);
                Tensor::<1>::ones([1], &device).into_scalar::<f32>();
                device
            });
            if found.is_err() {
                eprintln!("no device for wgpu: what needs one is not tested");
            }
            found.ok()
        })
        .clone()
}
