//! Where the graph runs.

use serde::{Deserialize, Serialize};

use super::Layers;

/// A training device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The CPU, with fused layers
    #[default]
    Cpu,
    /// The first NVIDIA GPU (build with `--features cuda`)
    Cuda,
    /// The default GPU through Vulkan, Metal or DirectX (build with `--features wgpu`)
    Wgpu,
}

/// A device that this build does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this build cannot train on {0}; build lacuna-tools with `--features {0}`")]
pub struct Unavailable(&'static str);

impl Device {
    pub(super) fn open(self) -> Result<burn::tensor::Device, Unavailable> {
        match self {
            Device::Cpu => Ok(burn::tensor::Device::flex()),
            #[cfg(feature = "cuda")]
            Device::Cuda => Ok(burn::tensor::Device::cuda(0)),
            #[cfg(not(feature = "cuda"))]
            Device::Cuda => Err(Unavailable("cuda")),
            #[cfg(feature = "wgpu")]
            Device::Wgpu => Ok(burn::tensor::Device::wgpu(
                burn::tensor::DeviceKind::DefaultDevice,
            )),
            #[cfg(not(feature = "wgpu"))]
            Device::Wgpu => Err(Unavailable("wgpu")),
        }
    }

    pub(super) fn layers(self) -> Layers {
        match self {
            Device::Cpu => Layers::Fused,
            _ => Layers::Composed,
        }
    }
}
