//! Images with a label per pixel, and batches of them.

use unifocal_burn::burn::data::dataloader::batcher::Batcher;
use unifocal_burn::burn::data::dataset::{Dataset, DatasetError, InMemDataset};
use unifocal_burn::burn::tensor::{Device, Int, Tensor, TensorData};

/// An image and the label of each pixel, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) pixels: Vec<f32>,
    pub(crate) labels: Vec<u8>,
}

/// Images [N, 1, H, W] and their labels [N, H, W].
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) images: Tensor<4>,
    pub(crate) labels: Tensor<3, Int>,
}

/// Batches images of one size.
#[derive(Clone, Debug)]
pub(crate) struct Batches {
    /// Height and width.
    pub(crate) size: [usize; 2],
}

impl Batches {
    /// A whole dataset as one batch.
    pub(crate) fn whole(
        &self,
        dataset: &InMemDataset<Image>,
        device: &Device,
    ) -> Result<Batch, DatasetError> {
        let items: Result<_, _> = dataset.iter().collect();
        Ok(self.batch(items?, device))
    }
}

impl Batcher<Image, Batch> for Batches {
    fn batch(&self, items: Vec<Image>, device: &Device) -> Batch {
        let (count, [height, width]) = (items.len(), self.size);
        let pixels: Vec<f32> = items
            .iter()
            .flat_map(|item| item.pixels.iter().copied())
            .collect();
        let labels: Vec<i32> = items
            .iter()
            .flat_map(|item| item.labels.iter().map(|label| i32::from(*label)))
            .collect();
        Batch {
            images: Tensor::from_data(TensorData::new(pixels, [count, 1, height, width]), device),
            labels: Tensor::from_data(TensorData::new(labels, [count, height, width]), device),
        }
    }
}
