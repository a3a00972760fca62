//! The available devices, within the enabled features.

use unifocal_burn::burn::tensor::{DType, Device};

/// Each device with the float type to test it with.
#[allow(dead_code, reason = "not every test uses every device")]
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

/// Devices on which the losses run as CubeCL kernels.
pub(crate) fn gpus() -> Vec<(Device, DType)> {
    #[cfg(feature = "wgpu")]
    let devices = wgpu().map(|device| (device, DType::F32));
    #[cfg(not(feature = "wgpu"))]
    let devices = None;
    devices.into_iter().collect()
}

/// The first GPU, or a software GPU, if there is one.
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
                eprintln!("skipped: found no wgpu device");
            }
            found.ok()
        })
        .clone()
}
